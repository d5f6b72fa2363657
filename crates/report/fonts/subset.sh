#!/bin/sh
# Makes the font files beside this script from Inter 4.1 (SIL Open Font
# License 1.1, see OFL.txt; no reserved font name): the regular and the
# semi-bold face, cut down to Latin, Greek and the symbols that reports use.
# The .ttf files measure and draw the text of figures; fonts.css, with faces that
# also kern, goes into the HTML page.
#
# Needs npm, and python3 with fonttools and brotli. Run it in this folder.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm pack --silent --pack-destination "$work" inter-ui@4.1.1 >/dev/null
tar -xzf "$work"/inter-ui-4.1.1.tgz -C "$work"

characters="U+0020-007E,U+00A0-017F,U+0370-03FF,U+2009,U+2010-2015,U+2018-201D"
characters="$characters,U+2022,U+2026,U+202F,U+2032,U+2070-209C,U+2190-2199,U+2202,U+2206"
characters="$characters,U+2211,U+2212,U+221A,U+221E,U+2248,U+2260,U+2264,U+2265,U+25CF"

: >fonts.css
for face in Regular SemiBold; do
    source=$work/package/web/Inter-$face.woff2
    python3 -m fontTools.subset "$source" --unicodes="$characters" --no-hinting \
        --layout-features=kern,tnum --flavor=woff2 --output-file="$work/$face.woff2"
    python3 -m fontTools.subset "$source" --unicodes="$characters" --no-hinting \
        --layout-features= --drop-tables+=GPOS,GSUB,GDEF --output-file="$work/$face"
    weight=400
    [ "$face" = Regular ] || weight=600
    printf '@font-face{font-family:Inter;font-weight:%s;src:url(data:font/woff2;base64,%s)}\n' \
        "$weight" "$(base64 -w 0 "$work/$face.woff2")" >>fonts.css
    # Through XML, because the subsetter keeps the compressed flavor.
    python3 -m fontTools.ttx -q -o "$work/$face.ttx" "$work/$face"
    python3 -m fontTools.ttx -q -f --no-recalc-timestamp -o "Inter-$face.ttf" "$work/$face.ttx"
done
