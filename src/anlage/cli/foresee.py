"""The verb that lets an agent plan by what it has learned to foresee."""

import argparse
from pathlib import Path

from anlage.cli.meter import Meter
from anlage.cli.verb import Verbs


def _foresee(args: argparse.Namespace) -> None:
    """Let an agent learn to foresee a body, without reward, and act so that what it foresees is what it prefers."""
    from anlage.study.compare import cores
    from anlage.study.foresight import carry_out_foresight, foresight_plan
    from anlage.study.foresight_report import foresight_sentences, foresight_table, write_foresight_report

    plan = foresight_plan(args.body, args.trials, args.lives, args.seed)
    folder = args.out or Path("runs") / f"foresees-{args.body}"
    run = carry_out_foresight(plan, folder, workers=cores(), progress=Meter())
    for arm, _, earned, succeeded, cpu_ms, *_ in foresight_table(run).rows:
        print(f"  {arm:<20}{earned:>26}{succeeded:>9}{cpu_ms:>10} ms an action")
    print("\n".join(foresight_sentences(run)))
    print(f"report: {write_foresight_report(run, folder / 'report.html')}")


def add(verbs: Verbs) -> None:
    """Offer the verb of this file."""
    verb = verbs.add("foresee", _foresee)
    verb.add_argument("body", help="what is to be foreseen and moved: pendulum, swimmer or dish")
    verb.add_argument("--trials", type=int, default=1, metavar="N", help="agents of every kind (default: 1)")
    verb.add_argument("--lives", type=int, default=3, metavar="N", help="lives that each is examined in (default: 3)")
    verb.add_argument("--seed", type=int, default=0, help="of agents and lives (default: 0)")
    verb.add_argument("--out", type=Path, metavar="FOLDER", help="for results and report (default: in runs/)")
