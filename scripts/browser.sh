#!/usr/bin/env bash
# Have a Chromium for the browser test, where the system can install one. Never fails: without a
# browser that test is skipped and says so.
for name in "${STEP3_CHROMIUM:-}" chromium chromium-browser google-chrome; do
    [ -n "$name" ] && "$name" --version >/dev/null 2>&1 && exit 0
done
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "step3: installing the system package chromium for the browser test"
    install() { timeout 300 apt-get install -y -q --no-install-recommends chromium >/dev/null 2>&1; }
    install || { timeout 120 apt-get update -q >/dev/null 2>&1 && install; }
fi
command -v chromium >/dev/null || echo "step3: no Chromium here; the browser test will be skipped"
exit 0
