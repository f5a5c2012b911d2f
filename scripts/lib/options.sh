# What every script of this folder does with its options before it does anything else: --help prints the comment at its head, and what
# it does not know is refused in one line. For sourcing; it builds, fetches and installs nothing.
#
#   . scripts/lib/options.sh
#   options '--json --seed= [FOLDER]' "$@"
#
# A name that ends with `=` takes a value, as the next word. In the list alone: `[NAME]` lets words without a dash through; `=` lets a
# value stand behind its sign, where another program reads it; whatever follows a `--` on the command line is another program's.

options() {
    local script known=" $1 " name option value
    script=$(dirname "${BASH_SOURCE[0]}")/../$(basename "$0")
    name=$(basename "$0")
    shift
    refused() {
        printf '%s: %s; scripts/%s --help shows what there is\n' "$name" "$1" "$name" >&2
        exit 2
    }
    while [ $# -gt 0 ]; do
        option=$1
        shift
        case $option in
        -h | --help)
            # From the second line on, as far as the comment goes.
            sed -n '2,${/^#/!q;s/^# \{0,1\}//p}' "$script"
            exit 0
            ;;
        --)
            [[ $known == *' -- '* ]] || refused '-- is no option'
            return 0
            ;;
        -?*)
            value=
            if [[ $option == --*=* && $known == *' = '* ]]; then value=${option#*=} option=${option%%=*}; fi
            if [[ $known == *" $option= "* ]]; then
                [ -n "$value" ] || { [ $# -gt 0 ] && [[ $1 != --* ]] || refused "$option needs a value"; shift; }
            elif [[ $known != *" $option "* || -n $value ]]; then
                refused "$option is no option"
            fi
            ;;
        *) [[ $known == *' ['* ]] || refused "$option is no option" ;;
        esac
    done
}
