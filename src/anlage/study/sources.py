"""What a run stands on, as BibTeX: its connectome, experience, objective, controls and statistics."""

from collections.abc import Mapping

from anlage.connectome.library import load
from anlage.objective import CosinePrediction, SigregPrediction, VicregPrediction
from anlage.study.question import Question
from anlage.topology import BlockPreserving, DegreePreserving, ErdosRenyi

RAO = """@article{rao1996markov,
  author = {Rao, A. R. and Jana, R. and Bandyopadhyay, S.},
  title = {A {M}arkov chain {M}onte {C}arlo method for generating random (0,1)-matrices with given marginals},
  journal = {Sankhya A}, volume = {58}, pages = {225--242}, year = {1996}
}"""
CITED: Mapping[type, str] = {
    ErdosRenyi: """@article{erdos1959random,
  author = {Erd{\\H o}s, P. and R{\\'e}nyi, A.}, title = {On random graphs {I}},
  journal = {Publicationes Mathematicae Debrecen}, volume = {6}, pages = {290--297}, year = {1959}
}""",
    DegreePreserving: RAO,
    BlockPreserving: RAO,
    CosinePrediction: """@article{xu2025nepa,
  author = {Xu, Sihan and others}, title = {Next-Embedding Prediction Makes Strong Vision Learners},
  journal = {arXiv:2512.16922}, year = {2025}
}""",
    SigregPrediction: """@article{balestriero2025lejepa,
  author = {Balestriero, Randall and LeCun, Yann},
  title = {{LeJEPA}: Provable and Scalable Self-Supervised Learning Without the Heuristics},
  journal = {arXiv:2511.08544}, year = {2025}
}
@article{epps1983test,
  author = {Epps, T. W. and Pulley, Lawrence B.},
  title = {A test for normality based on the empirical characteristic function},
  journal = {Biometrika}, volume = {70}, number = {3}, pages = {723--726}, year = {1983}
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

STATISTICS = """@article{crawford1998comparing,
  author = {Crawford, John R. and Howell, David C.},
  title = {Comparing an individual's test score against norms derived from small samples},
  journal = {The Clinical Neuropsychologist}, volume = {12}, number = {4}, pages = {482--486}, year = {1998}
}
@article{holm1979simple,
  author = {Holm, Sture}, title = {A simple sequentially rejective multiple test procedure},
  journal = {Scandinavian Journal of Statistics}, volume = {6}, number = {2}, pages = {65--70}, year = {1979}
}"""


def bibliography(question: Question) -> str:
    """BibTeX of everything that a question uses, each entry once."""
    recipe = question.recipe
    entries = [load(recipe.topology.connectome).source.bibtex.strip(), recipe.experience.source.bibtex.strip()]
    used = [recipe.objective, *(question.comparison.controls if question.comparison else ())]
    entries += [CITED[type(item)] for item in used if type(item) in CITED]
    entries += [EXPANSION] if recipe.topology.expand != 1 else []
    entries += [STATISTICS] if question.comparison else []
    return "\n\n".join(dict.fromkeys(entries)) + "\n"
