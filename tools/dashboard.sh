#!/usr/bin/env bash
# What a change to the dashboard must pass: types, unit tests, tests in Debian's chromium, and `dashboard/dist` as the
# source builds it. Needs Node 20.19 or newer and npm; CHROMIUM says where the browser is. Commits nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../dashboard"

npm ci --silent --no-audit --no-fund
npm run --silent check
npm run --silent test
npm run --silent rebuilt
browser=${CHROMIUM:-/usr/bin/chromium}
if [ -x "$browser" ]; then
  CHROMIUM=$browser npm run --silent test:browser
elif [ "${TUNESMITH_REQUIRE_REAL:-0}" = 1 ]; then
  echo "missing: $browser, in which the dashboard is tested" >&2
  exit 1
else
  echo "skipped: no browser at $browser" >&2
fi
