//! `.help`: the language and the keys on one screen.

/// What `.help` prints.
pub(super) const TEXT: &str = "\
A line is a command of QMP with its arguments:
  query-status
  block_resize node-name=n0 size=10G
  blockdev-add node-name=n0 driver=qcow2 file.driver=file file.filename=\"/my disk.qcow2\"

  KEY=VALUE         of the type that QEMU's schema gives the argument: a string, a number (10G, 0x10),
                    true, a word of a list; quotes make a string, { and [ begin JSON
  KEY.KEY=VALUE     an object within an object
  KEY:=JSON         strict JSON            KEY==TEXT     the text, whatever it looks like
  KEY=@FILE         what is in a file      KEY=@?        asks, without echo
  {\"execute\": ...}  a whole message        # ...         a comment
  transaction(      actions, one a line, up to a closing )

A line goes on while a bracket or a quote is open. Several lines can be pasted; they stop at the first that fails.

  .help             this text
  .status           what the shell is connected to
  .reconnect        connects again
  .detach           leaves, and lets the QEMU go on that `qmpsh run` started
  .quit             leaves, as Ctrl-D and exit do; `quit` ends QEMU

Ctrl-C drops the line, or stops waiting for a command (its reply is shown when it comes); Ctrl-R searches the history.
A line that begins with a space, or has a password in it, is not kept in the history.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_a_screen() {
        assert!(TEXT.lines().all(|line| line.len() <= 120), "too wide");
        assert!(TEXT.lines().count() <= 26, "too long: {}", TEXT.lines().count());
    }
}
