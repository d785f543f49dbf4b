"""What a page of reports may be given, and what a test reads off the page."""

from html.parser import HTMLParser

from sixgates.adapters.report_page import write_report

ATTACK = "<script>alert('x')</script> & \"quoted\""
VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    """What a test wants to know of a page: its tags, its text, and whether it is well-formed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(" ".join(data.split()))

    def count(self, tag, css=None):
        return sum(t == tag and (css is None or a.get("class") == css) for t, a in self.tags)

    def values(self, name):
        return [a[name] for _, a in self.tags if a.get(name) is not None]


def check(name="rows", outcome="pass", seen=12.0, required=10.0, n=12, sentence="rows 12 >= 10"):
    return {"name": name, "outcome": outcome, "seen": seen, "required": required, "n": n,
            "sentence": sentence}  # fmt: skip


def verdict(day, run, gate, outcome="pass", checks=None):
    return {"at": f"2026-02-{day:02}T00:00:00", "run": run, "gate": gate, "outcome": outcome,
            "checks": [check(outcome=outcome)] if checks is None else checks}  # fmt: skip


def step(day, epoch, name, champion="1", share=0.0):
    return {"at": f"2026-02-{day:02}T00:00:00", "epoch": epoch, "step": name,
            "reason": f"why {name}", "champion": champion, "share": share}  # fmt: skip


def result(name="healthy-drift", **changes):
    early = ["validate", "retrain", "evaluate", "compare"]
    return {
        "scenario": name,
        "teaches": "The world moves.",
        "expected": "promoted and confirmed",
        "actual": "promoted and confirmed",
        "ok": True,
        "seconds": 36.3,
        "alerts": [{"at": "2026-02-08T00:00:00", "entry": 18, "reason": "inputs moved",
                    "signals": [{"name": "inputs", "alert": True, "seen": 4845.0, "limit": 2920.0,
                                 "effect": 1.232, "floor": 0.1, "n": 12},
                                {"name": "loss", "alert": False, "seen": None, "limit": 730.0,
                                 "effect": None, "floor": None, "n": 0}]}],
        "retrains": [
            {"run": "a", "at": "2026-02-01T00:00:00", "trigger": "first model",
             "verdicts": dict.fromkeys(early, "pass"), "ending": "cold_start", "reason": "first"},
            {"run": "b", "at": "2026-02-08T00:00:00", "trigger": "drift",
             "verdicts": dict.fromkeys([*early, "canary", "monitor"], "pass"),
             "ending": "confirmed", "reason": "as good as the hold-back"},
        ],
        "loss": "brier",
        "loss_served": 0.2112,
        "loss_never": 0.2414,
        "daily": [
            {"at": f"2026-02-{d:02} 00:00:36.518000", "served": 0.2, "never": 0.2 + d / 500, "n": 4}
            for d in range(1, 20)
        ],
        "serving": {"url": "http://127.0.0.1:1", "epoch": 5, "champion": "2",
                    "champion_digest": "930beba128d08c62", "beside": "", "beside_digest": "",
                    "arm": "", "share": 0.0, "unlogged": 0},
        "proved": True,
        "failed_requests": 0,
        "first_failure": None,
        "reason": "as good as the hold-back",
        "alert_to_verdict_seconds": 29.4,
        "timeline": [step(1, 1, "cold_start"), step(8, 2, "shadow"),
                     step(10, 3, "canary", share=0.05), step(12, 4, "promoted", "2", 0.05),
                     step(19, 5, "confirmed", "2")],
        "began": "2026-02-01T00:00:00",
        "verdicts": [
            *(verdict(1, "a", gate) for gate in early),
            *(verdict(8, "b", gate) for gate in early),
            verdict(9, "b", "canary", "inconclusive"),
            verdict(12, "b", "canary"),
            verdict(19, "b", "monitor"),
        ],
        **changes,
    }  # fmt: skip


def history(**changes):
    told = result(project="bikes", rows=17379, rmse_served=79.16, rmse_never=128.724, **changes)
    for name in ("scenario", "teaches", "expected", "actual", "ok"):
        del told[name]
    return told


def write(tmp_path, results, errors=None):
    path = tmp_path / "report.html"
    write_report(path, "Rehearsal", results, errors or {})
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    return path, text, page


def e_values(promote, rollback):
    return {"promote": promote, "promote_at": 20.0, "rollback": rollback, "rollback_at": 20.0}
