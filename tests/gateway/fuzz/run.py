"""A run: so many cases of one seed over several connections, judged as they come back."""

import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from tests.gateway.fuzz.judge import wrong
from tests.gateway.fuzz.kinds import draw, draw_large
from tests.gateway.fuzz.talk import NoAnswerError, Talk

ROUND = 6
"""Large cases that each client sends in a round of the warm-up."""
ROUNDS = 12
"""Rounds at most: an allocator takes memory until the largest requests have met in every way."""
SETTLED = 2
"""Rounds without more memory after which it has enough."""
GROWTH = 32.0
"""MiB by which memory may grow from the most of the warm-up to the end."""
EVERY = 25
"""After so many cases a client asks for something good."""
ENOUGH = 20
"""Faults after which a run ends."""


@dataclass
class Result:
    """What a run has seen."""

    sent: int = 0
    answers: Counter = field(default_factory=Counter)
    """By kind of case and status; "none" where there was no answer to wait for."""
    faults: list[str] = field(default_factory=list)
    warm: float = 0.0
    """MiB at most in the warm-up."""
    rss: float = 0.0
    """MiB at the end."""

    def fault(self, text):
        self.faults.append(text)


class Run:
    """Cases 0 to n of a seed."""

    def __init__(self, target, seed, n, clients=6, told=None):
        self.result = Result()
        self._target = target
        self._seed = seed
        self._n = n
        self._numbers = count()
        self._told = told
        self._lock = threading.Lock()
        self._clients = clients

    def play(self):
        """Send everything; a good request goes before and after it all."""
        result = self.result
        self._ask_good(None, "before")
        self._warm_up()
        self._all(self._work)
        self._ask_good(None, "after")
        result.rss = self._target.rss() if self._target.is_alive() else 0.0
        if not self._target.is_alive():
            result.fault("the process died")
        elif result.rss - result.warm > GROWTH:
            result.fault(f"memory grew from {result.warm:.1f} to {result.rss:.1f} MiB")
        return result

    def _all(self, work):
        """Let every client do it at once."""
        threads = [threading.Thread(target=work, args=(i,)) for i in range(self._clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _warm_up(self):
        """Send large cases until they need no more memory."""
        calm, result = 0, self.result
        for number in range(ROUNDS):
            self._all(partial(self._send_large, number))
            rss = self._target.rss()
            calm = calm + 1 if rss <= result.warm else 0
            result.warm = max(rss, result.warm)
            if calm == SETTLED:
                return

    def _send_large(self, number, client):
        talk = Talk(self._target.address)
        for i in range(ROUND):
            place = f"{number}.{client}.{i}"
            self._send(talk, f"large {place}", draw_large(self._seed, place))
        talk.close()

    def _work(self, _client):
        talk = Talk(self._target.address)
        try:
            for number in self._numbers:
                if number >= self._n or len(self.result.faults) >= ENOUGH:
                    return
                self._send(talk, number, draw(self._seed, number))
                if number % EVERY == 0:
                    self._ask_good(talk, f"after case {number}")
        except Exception as exc:  # noqa: BLE001 - a thread that dies in silence would end no run
            self.result.fault(f"a client failed: {exc!r}")
        finally:
            talk.close()

    def _send(self, talk, number, drawn):
        name, case = drawn
        try:
            answers = talk.send(case)
            fault = wrong(case, answers)
        except NoAnswerError as exc:
            answers, fault = [], str(exc)
        with self._lock:
            self.result.sent += 1
            statuses = [str(answer.status) for answer in answers] or ["none"]
            self.result.answers.update((name, status) for status in statuses)
            if fault:
                self.result.fault(f"case {number} ({name}): {fault}")
            if self._told:
                self._told(self.result)

    def _ask_good(self, talk, when):
        try:
            fault = self._target.ask(talk)
        except NoAnswerError as exc:
            fault = f"a good request was not answered: {exc}"
        if fault:
            self.result.fault(f"{when}: {fault}")
