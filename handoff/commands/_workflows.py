"""The workflows that ``handoff init ci`` writes for a user's own payloads; ``@…@`` is filled in.

Nothing of the event is put into a script (its texts come from outside): what a step needs of it goes through ``env``.
"""

from __future__ import annotations

PULL_REQUEST = """\
# Written by `handoff init ci`; yours to change. What a pull request does to the hand-over of your objects.
# Both sides are measured in one job, on one machine: figures of two runners cannot be compared. Each in five trials: of
# two nothing but chance tells whether what takes many times as long is seen.
name: handoff

on:
  pull_request:

permissions:
  contents: read

jobs:
  handoff:
    runs-on: ubuntu-latest
    timeout-minutes: 30
    env:
      TARGET: @TARGET@
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0 # the base is measured too
      - uses: actions/setup-python@v5
        with:
          python-version: "@PYTHON@"
      - name: set up
        run: |
          @SETUP@
          python -m pip install @HANDOFF@
      - name: does it still arrive?
        run: handoff support "$TARGET" --quiet
      - name: measure this branch
        run: handoff measure "$TARGET" --quiet --trials 5 -o handoff-records/branch
      - name: measure its base
        env:
          BASE: ${{ github.event.pull_request.base.sha }}
        run: |
          git checkout --quiet "$BASE"
          # Installed again: else the base would be measured with this branch's code, and nothing would have changed.
          if @SETUP@ && python -m pip install @HANDOFF@; then
            handoff measure "$TARGET" --quiet --trials 5 -o handoff-records/base ||
              echo "the base has no $TARGET to compare with"
          else
            echo "the base cannot be set up as this branch is"
          fi
          git checkout --quiet -
      - name: what changed
        run: |
          if [ -d handoff-records/base ]; then
            # Shared runners are noisy: this tells, and stops nothing. On a machine of your own drop the "|| true".
            handoff compare handoff-records/base handoff-records/branch \\
              --threshold 2 --format markdown -o changes.md || true
            cat changes.md >> "$GITHUB_STEP_SUMMARY"
          fi
          handoff report handoff-records/branch -o handoff-report
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: handoff
          path: |
            handoff-report
            handoff-records
"""

NIGHTLY = """\
# Written by `handoff init ci`; yours to change. Every night the standard profile, on a machine of your own: history is
# only worth keeping from one machine. Give its runner the label that `runs-on` names.
name: handoff nightly

on:
  schedule:
    - cron: "41 3 * * *"
  workflow_dispatch:

permissions:
  contents: read

concurrency:
  group: handoff-nightly
  cancel-in-progress: false

jobs:
  measure:
    runs-on: [self-hosted, handoff]
    timeout-minutes: 120
    env:
      TARGET: @TARGET@
    steps:
      - uses: actions/checkout@v4
        with:
          clean: false # the records of earlier nights lie in handoff-records
      - name: set up
        run: |
          python3 -m venv .venv
          . .venv/bin/activate
          @SETUP@
          python -m pip install @HANDOFF@
      - name: can this machine be trusted tonight?
        continue-on-error: true # a noisy night is shown in the report, not hidden
        run: |
          . .venv/bin/activate
          mkdir -p handoff-records
          handoff selftest --format json -o "handoff-records/selftest-$(date -u +%Y%m%dT%H%M%SZ).json"
      - name: measure
        run: |
          . .venv/bin/activate
          handoff measure "$TARGET" --quiet --profile standard -o "handoff-records/$(date -u +%Y%m%dT%H%M%SZ)"
      - name: what changed since the night before
        run: |
          . .venv/bin/activate
          nights=$(ls -d handoff-records/*/ | tail -2)
          [ "$(echo "$nights" | wc -l)" = 1 ] ||
            handoff compare $nights --threshold 1.25 --format markdown -o changes.md
      - name: report
        if: always()
        run: |
          . .venv/bin/activate
          handoff report handoff-records -o handoff-report
          [ ! -f changes.md ] || cat changes.md >> "$GITHUB_STEP_SUMMARY"
      - uses: actions/upload-artifact@v4
        if: always()
        with:
          name: handoff
          path: handoff-report
"""

FILES = {"handoff.yml": PULL_REQUEST, "handoff-nightly.yml": NIGHTLY}
