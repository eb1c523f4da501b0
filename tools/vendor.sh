#!/bin/sh
# Renews the vendored browser assets from npm packages and their checksums. Versions are pinned here and nowhere else.
set -eu
SWAGGER=swagger-ui-dist@5.35.0
UPLOT=uplot@1.6.32
vendor="$(cd "$(dirname "$0")/.." && pwd)/adengine/web/static/vendor"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# unpacked PACKAGE: its files in ./package
unpacked() {
    cd "$work"
    rm -rf package ./*.tgz
    npm pack --silent "$1" >/dev/null
    tar -xzf ./*.tgz
}

unpacked "$SWAGGER"
for file in LICENSE NOTICE swagger-ui-bundle.js swagger-ui-bundle.js.LICENSE.txt swagger-ui.css; do
    # A source map is not shipped, so nothing may ask for it.
    sed '/^\/[/*]# sourceMappingURL=/d' "package/$file" >"$vendor/swagger-ui/$file"
done
unpacked "$UPLOT"
mkdir -p "$vendor/uplot"
cp package/LICENSE package/dist/uPlot.iife.min.js package/dist/uPlot.min.css "$vendor/uplot/"
cd "$vendor"
{
    echo "# sha256 of each vendored file. npm packages: $(echo "$SWAGGER" | tr @ ' ') (Apache-2.0), $(echo "$UPLOT" | tr @ ' ') (MIT)"
    sha256sum swagger-ui/* uplot/*
} >CHECKSUMS
echo "vendored $SWAGGER $UPLOT"
