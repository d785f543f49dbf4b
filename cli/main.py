"""The front door: the command `sixgates`."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import approval, init, ledger, line, log, operate, people, quarantine
from cli.dry_run import dry_run as dry_run_of
from cli.dry_run import show_dry_run
from cli.explain import explained, show_explained
from cli.notify import notified, show_notified, tell_people
from cli.say import EPILOG, Code, sentences, show, stdout
from sixgates.gates.errors import ConfigurationError
from sixgates.gateway.answer_log import LogMode

app = typer.Typer(
    help="From a drift alert to a production model, through six gates: validate, retrain,"
    " evaluate, compare, canary, monitor. Whatever is not known to be good enough is refused or"
    " rolled back.",
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

Project = Annotated[
    str,
    typer.Option(
        "--project", "-p", help="Name of a file in projects/, or the path of a project file."
    ),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        "-d",
        help="Parquet file, folder or glob; folder of a Delta table; or <SQLAlchemy URL>#<query>,"
        " secrets as ${NAME}. The project's own source if absent.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="JSON alone on stdout, progress on stderr.")]


@app.command(epilog=EPILOG)
def check(project: Project, data: Data = None, as_json: Json = False) -> None:
    """Say what is missing or contradictory in a project, before anything runs.

    Example: sixgates check --project projects/loans.py --data loans.parquet
    """
    with sentences():
        found = operate.check(project, data)
        show(found, as_json=as_json, human=lambda: people.checked(found))
        if found["problems"]:
            raise typer.Exit(Code.UNEXPECTED)


@app.command(epilog=EPILOG)
def explain(
    project: Project,
    requests_per_day: Annotated[
        float | None,
        typer.Option("--requests-per-day", min=0, help="Traffic that is logged; else no times."),
    ] = None,
    base_rate: Annotated[
        float,
        typer.Option(help="Assumed mean loss of the champion, as a share of the largest loss."),
    ] = 0.1,
    effect_size: Annotated[
        float,
        typer.Option(help="Assumed margin over the spread of the loss between periods (pairs)."),
    ] = 1.0,
    as_json: Json = False,
) -> None:
    """Say what the policies mean before anything runs, and refuse those that cannot decide.

    Example: sixgates explain --project loans --requests-per-day 400
    """
    with sentences():
        found = explained(project, requests_per_day, base_rate, effect_size)
        show(found, as_json=as_json, human=lambda: show_explained(found))
        if found["problems"]:
            raise typer.Exit(Code.REFUSED)


@app.command(epilog=EPILOG)
def rehearse(
    scenario: Annotated[
        list[str] | None,
        typer.Argument(
            help="Scenarios by name, or by the path of a file; the core scenarios if absent.",
            show_default=False,
        ),
    ] = None,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", help="Replay a real history of this project instead."),
    ] = None,
    data: Data = None,
    home: Annotated[
        Path, typer.Option("--home", help="Folder under which the rehearsal keeps everything.")
    ] = Path("rehearsals"),
    virtual: Annotated[
        bool, typer.Option("--virtual", help="Play on a virtual clock, without any server.")
    ] = False,
    full: Annotated[
        bool,
        typer.Option(
            "--stack", help="Play on PostgreSQL, nginx, an object store and Dask as well."
        ),
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Play every scenario of the catalogue.")
    ] = False,
    listed: Annotated[
        bool, typer.Option("--list", help="Show the catalogue, and play nothing.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the servers up until Ctrl-C, to look around.")
    ] = False,
    repeats: Annotated[
        int, typer.Option(min=1, help="With kill-matrix: how often a walk is killed at a place.")
    ] = 3,
    as_json: Json = False,
) -> None:
    """Play the whole loop on this machine: real Prefect, MLflow, gateway and HTTP traffic.

    Without arguments it plays the six core scenarios. With --project, and --data unless it has a
    source, it trains a champion on the first fifth of your history and replays the rest as traffic.
    With --virtual the same flows, gates and ledger run in two processes without a server; with
    --stack they run on every server that an installation may have.

    `rehearse kill-matrix` kills processes at every moment that matters and looks whether anything
    was lost, doubled or left half done; after it may follow which parts to play (about an hour for
    all of them).

    Example: sixgates rehearse canary-regression --keep
    """
    with sentences():
        if scenario and scenario[0] == "kill-matrix":
            from cli.rehearsal.matrix.perform import perform_matrix

            if project or data or keep or virtual or full or every:
                raise ConfigurationError(
                    "kill-matrix takes no --project, --data, --keep, --virtual, --stack and --all"
                )
            only = tuple(scenario[1:])
            raise typer.Exit(perform_matrix(home, repeats=repeats, only=only, as_json=as_json))
        from cli.rehearsal.perform import perform, show_catalogue

        if listed:
            show_catalogue(as_json=as_json)
            raise typer.Exit
        code = perform(
            scenario or [], project=project, data=data, parent=home, keep=keep, virtual=virtual,
            full=full, every=every, as_json=as_json,
        )  # fmt: skip
    raise typer.Exit(code)


@app.command(epilog=EPILOG)
def backtest(
    project: Project,
    data: Data = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write a page with plots to this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Walk forward through a history under five retraining policies, and recommend one.

    Never, every 5 % of the rows, on drift, where it pays, and always; each with gates on and off,
    by the very gates of production and with labels known no sooner than they were.

    Example: sixgates backtest --project bikes --data bike_sharing_hourly.parquet
    """
    from cli.backtest import backtested, show_backtest

    with sentences():
        found = backtested(project, data, report)
        show(found, as_json=as_json, human=lambda: show_backtest(found))


@app.command(epilog=EPILOG)
def retrain(
    project: Project,
    data: Data = None,
    alert: Annotated[
        int | None, typer.Option("--alert", help="Ledger entry of the alert this answers.")
    ] = None,
    override: Annotated[
        str, typer.Option("--override", help="Run in a freeze, or offer what was refused: why.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Take the newest data through gates 1 to 4, and open a release.

    Example: sixgates retrain --project loans --data loans.parquet
    """
    with sentences():
        ended = operate.retrain(project, data, alert, override)
    _finish(ended, as_json=as_json)


@app.command(epilog=EPILOG)
def watch(
    project: Project,
    data: Data = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only say what would have asked for a retrain until now."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Look for drift, and raise an alert where the world has moved.

    Example: sixgates watch --project loans --data loans.parquet
    """
    if dry_run:
        with sentences():
            found = dry_run_of(project, data)
            show(found, as_json=as_json, human=lambda: show_dry_run(found))
        return
    with sentences():
        ended = operate.watch(project, data)
    _finish(ended, as_json=as_json)


@app.command(epilog=EPILOG)
def tick(project: Project, as_json: Json = False) -> None:
    """Judge the open release once, and move it where the verdict says so (gates 5 and 6).

    Run it each minute; run twice, it changes nothing.
    """
    with sentences():
        ended = operate.tick(project)
    _finish(ended, as_json=as_json)


@app.command(epilog=EPILOG)
def serve(
    project: Project,
    host: Annotated[str, typer.Option(help="Address to bind; beyond loopback needs a token.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8080,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
    log_mode: Annotated[LogMode, typer.Option(help="When an answer is in the log.")] = (
        LogMode.REPLY_AFTER_COMMIT
    ),
    shadow: Annotated[
        float, typer.Option(min=0, max=1, help="Share of units whose rows both models score.")
    ] = 1.0,
    access_log: Annotated[
        Path | None, typer.Option(help="File that gets a JSON line a request.")
    ] = None,
    notice: Annotated[
        float, typer.Option(min=0, help="Seconds between saying that it stops and stopping.")
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Serve the project's models: split, shadow, log. Ctrl-C drains and stops.

    Admin calls need the token in SIXGATES_GATEWAY_TOKEN.
    """
    with sentences():
        operate.serve(
            project,
            lambda url: people.serving(url, as_json=as_json),
            host=host,
            port=port,
            workers=workers,
            mode=log_mode,
            shadow=shadow,
            access_log=access_log,
            notice=notice,
        )


@app.command(epilog=EPILOG)
def status(project: Project, as_json: Json = False) -> None:
    """Show who serves by the ledger, by every gateway and by MLflow's aliases, side by side."""
    with sentences():
        found = operate.status(project)
        show(found, as_json=as_json, human=lambda: people.status(found))
        if found["differences"]:
            raise typer.Exit(Code.UNEXPECTED)


@app.command(epilog=EPILOG)
def history(
    project: Project,
    verdicts: Annotated[bool, typer.Option("--verdicts", help="Also every verdict.")] = False,
    as_json: Json = False,
) -> None:
    """Say who served when, and why."""
    with sentences():
        found = operate.history(project, verdicts=verdicts)
        show(found, as_json=as_json, human=lambda: people.history(found))


@app.command(epilog=EPILOG)
def replay(
    project: Project,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            "--policy",
            help="<policy>.<field>=<value>, again and again; the project's own if absent.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge the past again under another policy, and show which verdicts would flip.

    Every stored verdict is computed again from the rows, models and log of its
    own moment. Without --policy this checks that the past can be computed again.

    A flip says what the gate would have said then, not what would have happened
    afterwards: had it said so, everything after it would have gone otherwise.

    Example: sixgates replay --project loans --policy canary.margin=0.02
    """
    from cli.replay import replayed, show_replayed

    with sentences():
        found = replayed(project, policy or [])
        show(found, as_json=as_json, human=lambda: show_replayed(found))
        if found["not_recomputed"]:
            raise typer.Exit(Code.UNKNOWN)


@app.command(epilog=EPILOG)
def rollback(
    project: Project,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why, for the record.")],
    to: Annotated[
        str | None,
        typer.Option("--to", help="Version to return to; the previous champion if absent."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Put a former champion back, at once and without analysis, and read back that it serves.

    An open release ends with it.

    Example: sixgates rollback --project loans --reason "complaints since noon"
    """
    with sentences():
        found = operate.rollback(project, reason, to)
        show(found, as_json=as_json, human=lambda: people.rolled_back(found))
        tell_people(project)  # after the answer: nobody waits for a slow channel
        if not found["proved"]:
            raise typer.Exit(Code.UNKNOWN)


@app.command(epilog=EPILOG)
def notify(
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", help="Send what nobody has been told about a project."),
    ] = None,
    test: Annotated[bool, typer.Option("--test", help="Send a sample to every channel.")] = False,
    as_json: Json = False,
) -> None:
    """Try the channels of SIXGATES_NOTIFY, or send what nobody has been told yet.

    Every tick sends what is owed; this is for trying out, and for a channel just repaired.

    Example: sixgates notify --test
    """
    with sentences():
        found = notified(project, test=test)
        show(found, as_json=as_json, human=lambda: show_notified(found))
        if not all(delivery["sent"] for delivery in found["deliveries"]):
            raise typer.Exit(Code.UNKNOWN)


@app.command(epilog=EPILOG)
def sweep(
    worlds: Annotated[
        int, typer.Option("--worlds", min=1, help="Seeded worlds a cell; 4000 for the full table.")
    ] = 400,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same table.")] = 7,
    scenario: Annotated[
        list[str] | None,
        typer.Option("--scenario", help="World to play, again and again; all if absent."),
    ] = None,
    effect: Annotated[
        list[float] | None,
        typer.Option("--effect", help="True effect in margins, again and again; 0 is no harm."),
    ] = None,
    project: Annotated[
        str | None,
        typer.Option("--project", "-p", help="Play this project's margin, alpha and beta instead."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", "-d", help="Folder of real data sets: pairs against two arms."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Also write a page with plots to this file.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how often the gates are wrong, on seeded worlds, beside the rules of today.

    Example: sixgates sweep --worlds 1000 --scenario iid --effect 0 --effect 1
    """
    from cli.sweep import show_sweep
    from cli.sweep import sweep as measure

    with sentences():
        found = measure(
            worlds, seed, project=project, scenarios=scenario or (), effects=effect or (),
            data=data, report=report,
        )  # fmt: skip
        show(found, as_json=as_json, human=lambda: show_sweep(found))
        if not all(figure["ok"] for figure in found["figures"]):
            raise typer.Exit(Code.UNEXPECTED)


@app.command("sweep-watch", epilog=EPILOG)
def sweep_watch(
    runs: Annotated[
        int, typer.Option("--runs", min=1, help="Quiet lives a world; a quarter as many a shift.")
    ] = 200,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same table.")] = 7,
    world: Annotated[
        list[str] | None,
        typer.Option("--world", help="World to play, again and again; all if absent."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how often the watch alerts while nothing moves, and how soon when something does.

    Example: sixgates sweep-watch --runs 50 --world iid --world wobble
    """
    from cli.sweep_watch import show_sweep_watch
    from cli.sweep_watch import sweep_watch as measure

    with sentences():
        found = measure(runs, seed, worlds=world or ())
        show(found, as_json=as_json, human=lambda: show_sweep_watch(found))
        if not all(figure["ok"] for figure in found["figures"]):
            raise typer.Exit(Code.UNEXPECTED)


@app.command("sweep-triage", epilog=EPILOG)
def sweep_triage(
    tables: Annotated[
        int, typer.Option("--tables", min=1, help="Tables to draw; everything befalls each once.")
    ] = 60,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same matrix.")] = 7,
    as_json: Json = False,
) -> None:
    """Measure whether the watch tells a broken feed from a moved world.

    Example: sixgates sweep-triage --tables 20
    """
    from cli.sweep_triage import show_sweep_triage
    from cli.sweep_triage import sweep_triage as measure

    with sentences():
        found = measure(tables, seed)
        show(found, as_json=as_json, human=lambda: show_sweep_triage(found))
        if not all(figure["ok"] for figure in found["figures"]):
            raise typer.Exit(Code.UNEXPECTED)


app.add_typer(init.app)
app.add_typer(ledger.app, name="ledger")
app.add_typer(approval.app)
app.add_typer(line.app)
app.add_typer(log.app)
app.add_typer(quarantine.app)


def _finish(ended: dict[str, Any], *, as_json: bool) -> None:
    show(ended, as_json=as_json, human=lambda: stdout.print(people.ending(ended)))
    refused = ended["ending"] in {"Rejected", "RolledBack", "Expired", "Held", "Broken"}
    raise typer.Exit(Code.REFUSED if refused else Code.DONE)


def run() -> None:
    """Start the command. Settings that keep other programs quiet are set before they load."""
    from cli.rehearsal.stack import QUIET

    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    app()
