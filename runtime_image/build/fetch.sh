# Function of the build's scripts: fetch a repository at a commit, without history.
# shellcheck shell=sh

# fetch NAME URL COMMIT FOLDER
fetch() {
    echo "fetching $1 at $3"
    mkdir -p "$4"
    git -C "$4" init --quiet
    git -C "$4" fetch --quiet --depth 1 "$2" "$3"
    git -C "$4" checkout --quiet --detach FETCH_HEAD
    found=$(git -C "$4" rev-parse HEAD)
    if [ "$found" != "$3" ]; then
        echo "$1: $2 gave $found where $3 is pinned" >&2
        exit 1
    fi
    rm -rf "$4/.git"
}
