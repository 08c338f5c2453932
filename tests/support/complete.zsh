# complete.zsh SCRIPT LINE: what zsh's own completion would offer at the end of LINE, a line each, after loading SCRIPT.
# An interactive zsh runs in a pseudo-terminal; its compadd is wrapped so that it prints the matches instead of drawing
# them, between two lines that hold a mark.
zmodload zsh/zpty || exit 3
mark='<<matches>>'
zpty shell zsh -f -i || exit 3
ready() { zpty -w shell "$1; print -r -- do'ne'"; zpty -r -m shell ignored '*done*' || exit 3 }
ready "PS1= PS2= RPS1=; stty -echo 2>/dev/null; autoload -Uz compinit && compinit -u -D"
ready "source ${(q)1}"
ready "compadd() {
  if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd \"\$@\"; return; fi
  typeset -a matches
  builtin compadd -A matches \"\$@\"
  builtin compadd \"\$@\"
  local result=\$?
  (( ! \$#matches )) || print -rl -- \$matches
  return \$result
}"
ready "edge() { print; print -r -- '<<mat''ches>>' }; compprefuncs=(edge) comppostfuncs=(edge exit)"
ready "bindkey '^I' complete-word; zstyle ':completion:*' verbose no; LISTMAX=10000"
zpty -w -n shell "$2"$'\t'
zpty -r -m shell output "*${mark}*${mark}*" || exit 3
output=${output//$'\r'/}
output=${output#*$mark}
print -r -- ${output%%$mark*}
