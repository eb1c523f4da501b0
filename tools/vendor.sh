#!/bin/sh
# Renews the vendored browser assets from npm packages and their checksums. Versions are pinned here and nowhere else.
set -eu
SWAGGER=swagger-ui-dist@5.35.0
vendor="$(cd "$(dirname "$0")/.." && pwd)/adengine/web/static/vendor"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

cd "$work"
npm pack --silent "$SWAGGER" >/dev/null
tar -xzf swagger-ui-dist-*.tgz
for file in LICENSE NOTICE swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt swagger-ui.css; do
    # A source map is not shipped, so nothing may ask for it.
    sed '/^\/[/*]# sourceMappingURL=/d' "package/$file" >"$vendor/swagger-ui/$file"
done
cd "$vendor"
{
    echo "# sha256 of each vendored file. npm package: $(echo "$SWAGGER" | tr @ ' ') (Apache-2.0)"
    sha256sum swagger-ui/*
} >CHECKSUMS
echo "vendored $SWAGGER"
