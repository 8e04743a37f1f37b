complete -c qmpsh -s c -l command -d 'Run LINE and exit; may be given several times, also beside -f' -r
complete -c qmpsh -s f -l file -d 'Run the lines of FILE and exit; - is stdin' -r -F
complete -c qmpsh -l pipeline -d 'With -k: up to N commands unanswered at once [default: 1]' -r
complete -c qmpsh -s t -l timeout -d 'How long a command may wait for its reply [default: for ever]' -r
complete -c qmpsh -l connect-timeout -d 'How long connecting may take, greeting included [default: 10]' -r
complete -c qmpsh -l wait -d 'Keep trying until the monitor can be reached' -r
complete -c qmpsh -l reconnect -d 'Shell: when the connection is lost, try again every SECONDS' -r
complete -c qmpsh -l max-message -d 'The longest message accepted [default: 256M]' -r
complete -c qmpsh -l tls-creds -d 'TLS with the credentials in DIR, as QEMU\'s tls-creds-x509' -r -f -a "(__fish_complete_directories)"
complete -c qmpsh -l tls-hostname -d 'The name in the server\'s certificate [default: the host]' -r
complete -c qmpsh -l socket-mode -d 'listen: the mode of the Unix socket [default: 0600]' -r
complete -c qmpsh -l monitor -d 'run: make a second monitor there, to come back to after .detach' -r -F
complete -c qmpsh -s o -l output -d 'How to print results: auto, json, pretty, table, raw [default: auto]' -r -f -a "auto\t'pretty on a terminal, otherwise json'
json\t'the result on one line'
pretty\t'the result indented'
table\t'the result as columns, for people'
raw\t'the server\'s whole reply on one line, errors too'"
complete -c qmpsh -l color -d 'Colors: auto, always, never [default: auto]' -r -f -a "auto\t'on a terminal, unless NO_COLOR is set'
always\t'also in a file or a pipe'
never\t'nowhere'"
complete -c qmpsh -l events -d 'Where events go: show, hide, stderr [default: show if interactive]' -r -f -a "show\t'on stdout'
hide\t'nowhere'
stderr\t'on stderr'"
complete -c qmpsh -s l -l logfile -d 'Append all messages to FILE as JSON lines' -r -F
complete -c qmpsh -l log-level -d 'Diagnostics: off, error, warn, info, debug, trace [default: warn]' -r -f -a "off\t''
error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c qmpsh -l history -d 'Where to keep the history [default: $XDG_STATE_HOME/qmpsh/history]' -r -F
complete -c qmpsh -l generate -d 'Print the man page or a completion script' -r -f -a "man\t''
bash\t''
zsh\t''
fish\t''"
complete -c qmpsh -s k -l keep-going -d 'Do not stop at the first command that fails'
complete -c qmpsh -s H -l hmp -d 'Lines are those of the human monitor (HMP)'
complete -c qmpsh -s N -l skip-negotiation -d 'Await no greeting and negotiate nothing'
complete -c qmpsh -l qga -d 'The peer is a guest agent'
complete -c qmpsh -s p -l pretty -d 'The same as -o pretty'
complete -c qmpsh -s v -l verbose -d 'Show each message sent on stderr'
complete -c qmpsh -l no-history -d 'Keep no history'
complete -c qmpsh -s h -l help -d 'Print help (see more with \'--help\')'
complete -c qmpsh -s V -l version -d 'Print version'
