//! A program in a pseudo-terminal, its screen as a person would see it.
//!
//! ```ignore
//! let mut t = qmpsh().arg(socket).terminal();
//! t.wait(|screen| screen.row(0) == "(QEMU)" && screen.cursor() == (0, 7));
//! t.type_keys("query-status\r");
//! ```
//!
//! The screen is only ever waited for, with text and cursor in one predicate: what a program writes arrives in pieces.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal};

use super::run::Program;
use super::{DEADLINE, excerpt, poll_until, spawning};

/// Keys that are not letters, for [`Terminal::type_keys`].
#[allow(dead_code, reason = "a keyboard has more keys than the tests press")]
pub mod keys {
    pub const ENTER: &str = "\r";
    pub const TAB: &str = "\t";
    pub const ESCAPE: &str = "\x1b";
    pub const BACKSPACE: &str = "\x7f";
    pub const UP: &str = "\x1b[A";
    pub const DOWN: &str = "\x1b[B";
    pub const RIGHT: &str = "\x1b[C";
    pub const LEFT: &str = "\x1b[D";
    pub const CTRL_A: &str = "\x01";
    pub const CTRL_C: &str = "\x03";
    pub const CTRL_D: &str = "\x04";
    pub const CTRL_R: &str = "\x12";
    pub const CTRL_Z: &str = "\x1a";
}

/// The size that a terminal begins with: rows, columns.
pub const SIZE: (u16, u16) = (24, 80);

/// A program and its terminal. Dropping it kills the program.
pub struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    shown: Arc<Shown>,
    program: Program,
    found: String,
}

#[derive(Default)]
struct Shown {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    parser: vt100::Parser,
    raw: Vec<u8>,
    closed: bool,
}

impl Program {
    /// Starts it in a terminal of 24 rows and 80 columns.
    #[track_caller]
    pub fn terminal(self) -> Terminal {
        self.terminal_of(SIZE.0, SIZE.1)
    }

    /// Starts it in a terminal of this size.
    #[track_caller]
    pub fn terminal_of(self, rows: u16, columns: u16) -> Terminal {
        let guard = spawning();
        let pair = native_pty_system().openpty(size(rows, columns)).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(&self.path);
        command.args(&self.args);
        command.env_clear();
        for (name, value) in &self.environment {
            command.env(name, value);
        }
        command.cwd(self.home());
        let found = settings(&*pair.master);
        let child =
            pair.slave.spawn_command(command).unwrap_or_else(|e| panic!("cannot start {}: {e}", self.path.display()));
        // As long as this side had it open too, the end would not be seen.
        drop(pair.slave);
        drop(guard);
        let shown = Arc::new(Shown::default());
        let reader = pair.master.try_clone_reader().expect("the terminal can be read");
        let keyboard = pair.master.take_writer().expect("the terminal can be written");
        let terminal = Terminal { child, master: pair.master, keyboard, shown, program: self, found };
        terminal.resize(rows, columns);
        thread::spawn({
            let shown = Arc::clone(&terminal.shown);
            move || shown.follow(reader)
        });
        terminal
    }
}

impl Shown {
    fn follow(&self, mut reader: Box<dyn Read + Send>) {
        let mut chunk = vec![0; 65536];
        loop {
            let n = reader.read(&mut chunk).unwrap_or(0);
            let mut state = self.state.lock().unwrap();
            state.parser.process(&chunk[..n]);
            state.raw.extend_from_slice(&chunk[..n]);
            state.closed = n == 0;
            self.changed.notify_all();
            if n == 0 {
                return;
            }
        }
    }
}

impl Terminal {
    /// Types: characters, and [`keys`].
    #[track_caller]
    pub fn type_keys(&mut self, keys: &str) {
        self.type_bytes(keys.as_bytes());
    }

    /// Types what no keyboard has.
    #[track_caller]
    pub fn type_bytes(&mut self, bytes: &[u8]) {
        self.keyboard.write_all(bytes).and_then(|()| self.keyboard.flush()).expect("the terminal takes keys");
    }

    /// Waits until the screen is as it should be, and returns it.
    #[track_caller]
    pub fn wait(&self, mut as_expected: impl FnMut(&Screen) -> bool) -> Screen {
        let mut state = self.shown.state.lock().unwrap();
        let mut found = None;
        loop {
            let before = state.raw.len();
            let waited = self.shown.changed.wait_timeout_while(state, DEADLINE, |state| {
                let screen = Screen(state.parser.screen().clone());
                found = as_expected(&screen).then_some(screen);
                found.is_none() && !state.closed
            });
            let (now, timeout) = waited.unwrap();
            state = now;
            // A program that goes on writing does not hang.
            if !timeout.timed_out() || state.raw.len() == before {
                break;
            }
        }
        let why = if state.closed { "the program has closed the terminal" } else { "waited in vain" };
        drop(state);
        found.unwrap_or_else(|| panic!("the screen is not as expected; {why}\n{self}"))
    }

    /// Waits until this text stands somewhere on the screen.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> Screen {
        self.wait(|screen| screen.text().contains(text))
    }

    /// The screen as it is now.
    pub fn screen(&self) -> Screen {
        Screen(self.shown.state.lock().unwrap().parser.screen().clone())
    }

    /// Every byte that came until now.
    pub fn raw(&self) -> Vec<u8> {
        self.shown.state.lock().unwrap().raw.clone()
    }

    /// Changes the size of the terminal, as dragging a window's corner does.
    pub fn resize(&self, rows: u16, columns: u16) {
        let mut state = self.shown.state.lock().unwrap();
        let (r, c) = (NonZeroU16::new(rows), NonZeroU16::new(columns));
        let (r, c) = r.zip(c).expect("a size that is not zero");
        state.parser.screen_mut().set_size(r, c);
        self.master.resize(size(rows, columns)).expect("the terminal can be resized");
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("a process has a number")
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process number");
        rustix::process::kill_process(pid, signal).expect("it takes a signal");
    }

    /// Whether the terminal is in its ordinary mode: the kernel edits lines and shows what is typed.
    pub fn is_cooked(&self) -> bool {
        use rustix::termios::LocalModes;
        modes(&*self.master).local_modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    /// All settings of the terminal are what they were before the program was started.
    #[track_caller]
    pub fn assert_as_found(&self) {
        assert_eq!(settings(&*self.master), self.found, "the settings of the terminal");
    }

    /// Waits until the program has changed the settings of the terminal: from then on its keys are its own.
    #[track_caller]
    pub fn wait_until_settled(&self) {
        let changed = poll_until(DEADLINE, || (settings(&*self.master) != self.found).then_some(()));
        assert!(changed.is_some(), "it does not touch the terminal\n{self}");
    }

    /// Waits until the program has ended and its terminal is closed, and returns its exit status.
    #[track_caller]
    pub fn wait_exit(&mut self) -> u32 {
        let ended = poll_until(DEADLINE, || self.child.try_wait().expect("it can be waited for"));
        let Some(status) = ended else { panic!("it did not end\n{self}") };
        // All that it wrote is on the screen then.
        let state = self.shown.state.lock().unwrap();
        drop(self.shown.changed.wait_timeout_while(state, DEADLINE, |state| !state.closed).unwrap());
        assert!(status.signal().is_none(), "it was ended by {status}\n{self}");
        status.exit_code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// The screen, for the message of a test that fails.
impl std::fmt::Display for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (screen, raw) = (self.screen(), self.raw());
        let (row, column) = screen.cursor();
        writeln!(f, "$ {}", self.program.command_line())?;
        writeln!(f, "--- the cursor in row {row}, column {column}\n{}", screen.text())?;
        write!(f, "--- the last bytes: {}", excerpt(&raw[raw.len().saturating_sub(600)..]))
    }
}

/// The screen at one moment.
pub struct Screen(vt100::Screen);

impl Screen {
    /// All rows, without the spaces at their ends and without the empty rows at the bottom.
    pub fn text(&self) -> String {
        let (rows, columns) = self.0.size();
        let rows: Vec<String> = self.0.rows(0, columns.get()).take(rows.get().into()).collect();
        rows.iter().map(|row| row.trim_end()).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    /// The text as words with one space between them, wherever its rows end.
    pub fn words(&self) -> String {
        self.text().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// One row, without the spaces at its end.
    pub fn row(&self, row: u16) -> String {
        let columns = self.0.size().1.get();
        self.0.rows(0, columns).nth(row.into()).unwrap_or_default().trim_end().to_owned()
    }

    /// Where the cursor is: row and column, from 0.
    pub fn cursor(&self) -> (u16, u16) {
        self.0.cursor_position()
    }

    /// The row that the cursor is in.
    pub fn line(&self) -> String {
        self.row(self.cursor().0)
    }

    /// The color of the characters of the first place where this text stands in one row.
    pub fn color_of(&self, text: &str) -> Option<vt100::Color> {
        let (rows, columns) = self.0.size();
        let row = (0..rows.get()).find(|row| self.row(*row).contains(text))?;
        let before = self.row(row);
        let before = before.split(text).next()?.chars().count();
        let column = u16::try_from(before).ok().filter(|column| *column < columns.get())?;
        self.0.cell(row, column).map(vt100::Cell::fgcolor)
    }
}

/// What came to a terminal, without the colors in which the program shows things: nothing else that is escaped is
/// taken out.
pub fn without_colors(raw: &[u8]) -> String {
    const OWN: [&str; 9] = ["0", "1;31", "31", "32", "33", "34", "35", "36", "90"];
    let text = String::from_utf8(raw.to_vec()).expect("what is shown is UTF-8");
    OWN.iter().fold(text, |text, color| text.replace(&format!("\x1b[{color}m"), ""))
}

fn modes(master: &dyn MasterPty) -> rustix::termios::Termios {
    use rustix::fs::{Mode, OFlags, open};
    let path = master.tty_name().expect("the terminal has a name");
    let tty = open(path, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).expect("the terminal opens");
    rustix::termios::tcgetattr(&tty).expect("the terminal tells its modes")
}

fn settings(master: &dyn MasterPty) -> String {
    format!("{:?}", modes(master))
}

fn size(rows: u16, cols: u16) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}
