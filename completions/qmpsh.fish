complete -c qmpsh -s c -l command -d 'Run LINE and exit; can be repeated and combined with -f' -r
complete -c qmpsh -s f -l file -d 'Run the lines of FILE and exit; - is stdin' -r -F
complete -c qmpsh -l pipeline -d 'With -k: send up to N commands before their replies [default: 1]' -r
complete -c qmpsh -s t -l timeout -d 'Set the timeout of each command [default: none]' -r
complete -c qmpsh -l connect-timeout -d 'Set the timeout of connecting, greeting included [default: 10]' -r
complete -c qmpsh -l wait -d 'Keep trying until the monitor can be reached' -r
complete -c qmpsh -l reconnect -d 'Reconnect every SECONDS after a lost connection (shell, share)' -r
complete -c qmpsh -l max-message -d 'Set the longest message to accept [default: 256M]' -r
complete -c qmpsh -l tls-creds -d 'Use TLS with the credentials in DIR, as QEMU\'s tls-creds-x509' -r -f -a "(__fish_complete_directories)"
complete -c qmpsh -l tls-hostname -d 'Expect NAME in the server\'s certificate [default: the host]' -r
complete -c qmpsh -l socket-mode -d 'listen: set the mode of the Unix socket [default: 0600]' -r
complete -c qmpsh -l monitor -d 'run: make a second monitor at PATH, to reconnect to after .detach' -r -F
complete -c qmpsh -l allow -d 'Send commands that match PATTERN; can be repeated' -r
complete -c qmpsh -l deny -d 'Do not send commands that match PATTERN; can be repeated' -r
complete -c qmpsh -s o -l output -d 'Set the output format: auto, json, pretty, table, raw [default: auto]' -r -f -a "auto\t'pretty on a terminal, otherwise json'
json\t'the result on one line'
pretty\t'the result indented'
table\t'the result in columns, for people'
raw\t'the server\'s whole reply on one line, errors too'"
complete -c qmpsh -l color -d 'Use colors: auto, always, never [default: auto]' -r -f -a "auto\t'on a terminal, unless NO_COLOR is set'
always\t'also in a file or a pipe'
never\t'nowhere'"
complete -c qmpsh -l events -d 'Set where events go: show, hide, stderr [default: show if interactive]' -r -f -a "show\t'on stdout'
hide\t'nowhere'
stderr\t'on stderr'"
complete -c qmpsh -s l -l logfile -d 'Append all messages to FILE as JSON lines' -r -F
complete -c qmpsh -l log-level -d 'Set the log level: off, error, warn, info, debug, trace [default: warn]' -r -f -a "off\t''
error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c qmpsh -l history -d 'Keep the history in FILE [default: $XDG_STATE_HOME/qmpsh/history]' -r -F
complete -c qmpsh -l listen -d 'share: serve clients at SOCKET, with options of its own; can be repeated' -r -F
complete -c qmpsh -l audit -d 'share: append a line for each command to FILE' -r -F
complete -c qmpsh -l generate -d 'Print the man page or a completion script' -r -f -a "man\t''
bash\t''
zsh\t''
fish\t''"
complete -c qmpsh -s k -l keep-going -d 'Do not stop at the first command that fails'
complete -c qmpsh -s H -l hmp -d 'Read lines as commands of the human monitor (HMP)'
complete -c qmpsh -s N -l skip-negotiation -d 'Skip the greeting and the negotiation'
complete -c qmpsh -l qga -d 'Connect to a guest agent'
complete -c qmpsh -l read-only -d 'Send only commands that change nothing'
complete -c qmpsh -s p -l pretty -d 'Same as -o pretty'
complete -c qmpsh -s q -l quiet -d 'Do not print empty results'
complete -c qmpsh -s v -l verbose -d 'Print each sent message on stderr'
complete -c qmpsh -l no-history -d 'Do not keep a history'
complete -c qmpsh -l insecure -d 'share: allow TCP without TLS'
complete -c qmpsh -s h -l help -d 'Print help (see more with \'--help\')'
complete -c qmpsh -s V -l version -d 'Print version'
