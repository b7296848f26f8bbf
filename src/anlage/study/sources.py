"""What a run stands on, as BibTeX: its connectome, experience, objective, controls and statistics."""

from collections.abc import Mapping

from anlage.connectome.library import load
from anlage.learning import Assay, Gradient, InTurn, Ridge
from anlage.objective import (
    ContrastivePrediction,
    CosinePrediction,
    MultistepPrediction,
    SigregPrediction,
    VicregPrediction,
)
from anlage.study.question import Question
from anlage.topology import (
    BlockPreserving,
    DegreePreserving,
    ErdosRenyi,
    LengthPreserving,
    ModularityPreserving,
    RandomProjection,
    RankMatched,
    ReciprocityPreserving,
    SpectrumMatched,
    StrengthPreserving,
)

RAO = """@article{rao1996markov,
  author = {Rao, A. R. and Jana, R. and Bandyopadhyay, S.},
  title = {A {M}arkov chain {M}onte {C}arlo method for generating random (0,1)-matrices with given marginals},
  journal = {Sankhya A}, volume = {58}, pages = {225--242}, year = {1996}
}"""
SIGREG = """@article{balestriero2025lejepa,
  author = {Balestriero, Randall and LeCun, Yann},
  title = {{LeJEPA}: Provable and Scalable Self-Supervised Learning Without the Heuristics},
  journal = {arXiv:2511.08544}, year = {2025}
}
@article{epps1983test,
  author = {Epps, T. W. and Pulley, Lawrence B.},
  title = {A test for normality based on the empirical characteristic function},
  journal = {Biometrika}, volume = {70}, number = {3}, pages = {723--726}, year = {1983}
}"""
PPO = """@article{schulman2017proximal,
  author = {Schulman, John and Wolski, Filip and Dhariwal, Prafulla and Radford, Alec and Klimov, Oleg},
  title = {Proximal policy optimization algorithms}, journal = {arXiv:1707.06347}, year = {2017}
}"""
GYMNASIUM = """@article{towers2024gymnasium,
  author = {Towers, Mark and Kwiatkowski, Ariel and Terry, Jordan and others},
  title = {Gymnasium: A standard interface for reinforcement learning environments}, journal = {arXiv:2407.17032}, year = {2024}
}"""
DM_CONTROL = """@article{tunyasuvunakool2020dm_control,
  author = {Tunyasuvunakool, Saran and Muldal, Alistair and Doron, Yotam and Liu, Siqi and Bohez, Steven and
    Merel, Josh and Erez, Tom and Lillicrap, Timothy and Heess, Nicolas and Tassa, Yuval},
  title = {dm\\_control: Software and tasks for continuous control},
  journal = {Software Impacts}, volume = {6}, pages = {100022}, year = {2020}
}"""
MUJOCO = """@inproceedings{todorov2012mujoco,
  author = {Todorov, Emanuel and Erez, Tom and Tassa, Yuval},
  title = {{MuJoCo}: A physics engine for model-based control},
  booktitle = {IEEE/RSJ International Conference on Intelligent Robots and Systems}, pages = {5026--5033}, year = {2012}
}"""
LARVAL_SMELL = """@article{davies2015model,
  author = {Davies, Alex and Louis, Matthieu and Webb, Barbara}, title = {A model of {Drosophila} larva chemotaxis},
  journal = {PLoS Computational Biology}, volume = {11}, pages = {e1004606}, year = {2015}
}
@article{si2019structured,
  author = {Si, Guangwei and Kanwal, Jessleen K. and Hu, Yu and Tabone, Christopher J. and Baron, Jacob and Berck, Matthew and
    Vignoud, Gaetan and Samuel, Aravinthan D. T.},
  title = {Structured odorant response patterns across a complete olfactory receptor neuron population},
  journal = {Neuron}, volume = {101}, pages = {950--962}, year = {2019}
}"""
CITED: Mapping[type, str] = {
    ErdosRenyi: """@article{erdos1959random,
  author = {Erd{\\H o}s, P. and R{\\'e}nyi, A.}, title = {On random graphs {I}},
  journal = {Publicationes Mathematicae Debrecen}, volume = {6}, pages = {290--297}, year = {1959}
}""",
    DegreePreserving: RAO,
    BlockPreserving: RAO,
    StrengthPreserving: """@article{rubinov2011weight,
  author = {Rubinov, Mikail and Sporns, Olaf},
  title = {Weight-conserving characterization of complex functional brain networks},
  journal = {NeuroImage}, volume = {56}, number = {4}, pages = {2068--2079}, year = {2011}
}""",
    ReciprocityPreserving: """@article{squartini2011analytical,
  author = {Squartini, Tiziano and Garlaschelli, Diego},
  title = {Analytical maximum-likelihood method to detect patterns in real networks},
  journal = {New Journal of Physics}, volume = {13}, pages = {083001}, year = {2011}
}""",
    ModularityPreserving: """@article{blondel2008fast,
  author = {Blondel, Vincent D. and Guillaume, Jean-Loup and Lambiotte, Renaud and Lefebvre, Etienne},
  title = {Fast unfolding of communities in large networks},
  journal = {Journal of Statistical Mechanics}, pages = {P10008}, year = {2008}
}
@article{leicht2008community,
  author = {Leicht, E. A. and Newman, M. E. J.}, title = {Community structure in directed networks},
  journal = {Physical Review Letters}, volume = {100}, pages = {118703}, year = {2008}
}""",
    LengthPreserving: """@article{betzel2018specificity,
  author = {Betzel, Richard F. and Bassett, Danielle S.},
  title = {Specificity and robustness of long-distance connections in weighted, interareal connectomes},
  journal = {Proceedings of the National Academy of Sciences}, volume = {115}, pages = {E4880--E4889}, year = {2018}
}""",
    SpectrumMatched: """@article{mezzadri2007generate,
  author = {Mezzadri, Francesco}, title = {How to generate random matrices from the classical compact groups},
  journal = {Notices of the AMS}, volume = {54}, number = {5}, pages = {592--604}, year = {2007}
}""",
    RankMatched: """@article{gao2017theory,
  author = {Gao, Peiran and others}, title = {A theory of multineuronal dimensionality, dynamics and measurement},
  journal = {bioRxiv:214262}, year = {2017}
}""",
    RandomProjection: """@article{johnson1984extensions,
  author = {Johnson, William B. and Lindenstrauss, Joram},
  title = {Extensions of {L}ipschitz mappings into a {H}ilbert space},
  journal = {Contemporary Mathematics}, volume = {26}, pages = {189--206}, year = {1984}
}""",
    Ridge: """@article{hoerl1970ridge,
  author = {Hoerl, Arthur E. and Kennard, Robert W.},
  title = {Ridge regression: biased estimation for nonorthogonal problems},
  journal = {Technometrics}, volume = {12}, number = {1}, pages = {55--67}, year = {1970}
}""",
    Gradient: """@article{yu2025biological,
  author = {Yu, Siyu and others},
  title = {Biological Processing Units: Leveraging an Insect Connectome to Pioneer Biofidelic Neural Architectures},
  journal = {arXiv:2507.10951}, year = {2025}
}""",
    InTurn: """@inproceedings{lopezpaz2017gradient,
  author = {Lopez-Paz, David and Ranzato, Marc'Aurelio}, title = {Gradient Episodic Memory for Continual Learning},
  booktitle = {NeurIPS}, year = {2017}
}
@inproceedings{chaudhry2018riemannian,
  author = {Chaudhry, Arslan and Dokania, Puneet K. and Ajanthan, Thalaiyasingam and Torr, Philip H. S.},
  title = {Riemannian Walk for Incremental Learning: Understanding Forgetting and Intransigence},
  booktitle = {ECCV}, year = {2018}
}
@article{kirkpatrick2017overcoming,
  author = {Kirkpatrick, James and others}, title = {Overcoming catastrophic forgetting in neural networks},
  journal = {Proceedings of the National Academy of Sciences}, volume = {114}, pages = {3521--3526}, year = {2017}
}
@article{vandeven2022three,
  author = {van de Ven, Gido M. and Tuytelaars, Tinne and Tolias, Andreas S.},
  title = {Three types of incremental learning},
  journal = {Nature Machine Intelligence}, volume = {4}, pages = {1185--1197}, year = {2022}
}""",
    CosinePrediction: """@article{xu2025nepa,
  author = {Xu, Sihan and others}, title = {Next-Embedding Prediction Makes Strong Vision Learners},
  journal = {arXiv:2512.16922}, year = {2025}
}""",
    SigregPrediction: SIGREG,
    MultistepPrediction: SIGREG
    + """
@inproceedings{hafner2019planet,
  author = {Hafner, Danijar and Lillicrap, Timothy and Fischer, Ian and Villegas, Ruben and Ha, David and Lee, Honglak and
    Davidson, James},
  title = {Learning Latent Dynamics for Planning from Pixels}, booktitle = {ICML}, year = {2019}
}""",
    ContrastivePrediction: """@article{oord2018representation,
  author = {van den Oord, Aaron and Li, Yazhe and Vinyals, Oriol},
  title = {Representation Learning with Contrastive Predictive Coding}, journal = {arXiv:1807.03748}, year = {2018}
}""",
    VicregPrediction: """@inproceedings{bardes2022vicreg,
  author = {Bardes, Adrien and Ponce, Jean and LeCun, Yann},
  title = {{VICReg}: Variance-Invariance-Covariance Regularization for Self-Supervised Learning},
  booktitle = {ICLR}, year = {2022}
}""",
}
"""BibTeX by class. A control that is not here (a permutation, an ablation) has no author to cite."""

EXPANSION = """@article{yu2025biological,
  author = {Yu, Siyu and others},
  title = {Biological Processing Units: Leveraging an Insect Connectome to Pioneer Biofidelic Neural Architectures},
  journal = {arXiv:2507.10951}, year = {2025}
}
@article{karrer2011stochastic,
  author = {Karrer, Brian and Newman, M. E. J.}, title = {Stochastic blockmodels and community structure in networks},
  journal = {Physical Review E}, volume = {83}, pages = {016107}, year = {2011}
}"""

BOOTSTRAP = """@book{davison1997bootstrap,
  author = {Davison, A. C. and Hinkley, D. V.}, title = {Bootstrap Methods and their Application},
  publisher = {Cambridge University Press}, year = {1997}
}"""
STATISTICS = (
    """@article{crawford1998comparing,
  author = {Crawford, John R. and Howell, David C.},
  title = {Comparing an individual's test score against norms derived from small samples},
  journal = {The Clinical Neuropsychologist}, volume = {12}, number = {4}, pages = {482--486}, year = {1998}
}
@article{holm1979simple,
  author = {Holm, Sture}, title = {A simple sequentially rejective multiple test procedure},
  journal = {Scandinavian Journal of Statistics}, volume = {6}, number = {2}, pages = {65--70}, year = {1979}
}
@article{crawford2010point,
  author = {Crawford, John R. and Garthwaite, Paul H. and Porter, Sara},
  title = {Point and interval estimates of effect sizes for the case-controls design in neuropsychology},
  journal = {Cognitive Neuropsychology}, volume = {27}, number = {3}, pages = {245--260}, year = {2010}
}
"""
    + BOOTSTRAP
)

EQUIVALENCE = """@article{schuirmann1987comparison,
  author = {Schuirmann, Donald J.},
  title = {A comparison of the two one-sided tests procedure and the power approach for assessing the equivalence of average
    bioavailability},
  journal = {Journal of Pharmacokinetics and Biopharmaceutics}, volume = {15}, number = {6}, pages = {657--680}, year = {1987}
}"""

WELCH = """@article{welch1947generalization,
  author = {Welch, B. L.}, title = {The generalization of `{S}tudent's' problem when several different population variances
    are involved},
  journal = {Biometrika}, volume = {34}, pages = {28--35}, year = {1947}
}"""


def bibliography(question: Question) -> str:
    """BibTeX of everything that a question uses, each entry once."""
    recipe = question.recipe
    lived, means = (recipe.task, recipe.readout) if isinstance(recipe, Assay) else (recipe.experience, recipe.objective)
    entries = [load(recipe.topology.connectome).source.bibtex.strip(), lived.source.bibtex.strip()]
    used = [means, *(question.comparison.controls if question.comparison else ())]
    entries += [CITED[type(item)] for item in used if type(item) in CITED]
    entries += [EXPANSION] if recipe.topology.expand != 1 else []
    entries += [STATISTICS] if question.comparison else []
    entries += [EQUIVALENCE] if question.comparison and any(question.comparison.margin) else []
    entries += [WELCH] if question.comparison and question.comparison.networks else []
    return "\n\n".join(dict.fromkeys(entries)) + "\n"
