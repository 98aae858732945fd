# Gets what is not ours for the tests: into the current folder, by name, installing nothing on the system. To be sourced.

# have NAME COMMAND...: fills the folder NAME by running COMMAND in a new one, once. What cannot be had is named.
have() {
    name=$1
    shift
    [ -d "$name" ] && return
    rm -rf "$name.part" && mkdir "$name.part"
    if (cd "$name.part" && "$@") >"$name.log" 2>&1; then
        mv "$name.part" "$name" && rm -f "$name.log"
    else
        echo "no $name: see $PWD/$name.log" >&2
        rm -rf "$name.part"
        return 1
    fi
}
