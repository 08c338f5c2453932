# complete.bash SCRIPT WORD...: what bash would offer for the last word, a line each, after loading SCRIPT. WORDs are
# given as readline splits the line: "--flag=value" is three of them.
source "$1" || exit 3
shift
registered=$(complete -p shardmill) || exit 3
[[ $registered == *' -F '* ]] || exit 3
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE="$*"
COMP_POINT=${#COMP_LINE}
function=${registered##* -F }
"${function%% *}" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
