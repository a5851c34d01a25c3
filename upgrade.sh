#!/usr/bin/env bash
# Merge a newer Swatchbook into this project (docs/upgrading.md). The newer one's own copy is run:
#     git fetch URL main && git show FETCH_HEAD:upgrade.sh | bash
# Your data, label fixes, results and values of parameters stay; a conflict in code is yours to mend.
set -euo pipefail
cd "$(git rev-parse --show-toplevel)/$(git rev-parse --show-prefix)"
newer=$(git rev-parse --verify --quiet FETCH_HEAD^{commit}) || {
    echo "error: nothing was fetched: git fetch URL main" >&2
    exit 2
}
if [ -n "$(git status --porcelain --untracked-files=no)" ]; then
    echo "error: there are changes that are not committed: commit them first (git stash hides them)" >&2
    exit 2
fi
python="$PWD/.venv/bin/python"
[ -x "$python" ] || python=$(command -v python3)
# params.yaml is merged by the newer version's code, whatever this one's is like
code=$(mktemp -d)
trap 'rm -rf "$code"' EXIT
git archive "$newer" swatchbook .gitattributes | tar -x -C "$code"
before=$(git rev-parse HEAD)
merge() {
    git -c core.attributesFile="$code/.gitattributes" \
        -c merge.ours.driver=true \
        -c merge.swatchbook-params.driver="PYTHONPATH='$code' '$python' -m swatchbook params merge %O %A %B" \
        merge --no-edit --no-stat --quiet "$newer"
}
if ! merge; then
    echo "error: git could not merge the files above by itself: edit them, git add, git commit;" >&2
    echo "or take all of it back: git merge --abort" >&2
    exit 1
fi
if [ "$before" = "$(git rev-parse HEAD)" ]; then
    echo "upgrade: this is the newest already"
    exit 0
fi
echo "upgrade: $(git diff --shortstat "$before" HEAD -- swatchbook stages dvc.yaml | sed 's/^ //') in the code"
echo "next: make repro (swatchbook doctor says first what will run again); back: git reset --hard ${before:0:7}"
