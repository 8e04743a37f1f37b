//! A program in a pseudo-terminal, and its screen.
//!
//! ```ignore
//! let mut t = qmpsh().arg(socket).terminal();
//! t.wait(|screen| screen.row(0) == "(QEMU)" && screen.cursor() == (0, 7));
//! t.type_keys("query-status\r");
//! ```
//!
//! The screen is only ever waited for, with text and cursor in one predicate: what a program writes arrives in pieces.

use std::io::Write;
use std::num::NonZeroU16;
use std::sync::{Mutex, MutexGuard, PoisonError};

use portable_pty::{Child, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal};

use super::collected::Collected;
use super::program::Program;
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
    pub const END: &str = "\x1b[F";
    pub const CTRL_F: &str = "\x06";
    pub const F1: &str = "\x1bOP";
    pub const ALT_H: &str = "\x1bh";
    pub const LEFT: &str = "\x1b[D";
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
    output: Collected,
    emulator: Mutex<Emulator>,
    program: Program,
    found: String,
}

/// The screen after the first `processed` bytes of the output.
#[derive(Default)]
struct Emulator {
    parser: vt100::Parser,
    processed: usize,
}

impl Emulator {
    fn of_size(rows: u16, columns: u16) -> Self {
        let mut emulator = Self::default();
        emulator.resize(rows, columns);
        emulator
    }

    fn resize(&mut self, rows: u16, columns: u16) {
        let (rows, columns) = NonZeroU16::new(rows).zip(NonZeroU16::new(columns)).expect("a size that is not zero");
        self.parser.screen_mut().set_size(rows, columns);
    }

    fn screen(&mut self, output: &[u8]) -> Screen {
        self.parser.process(&output[self.processed..]);
        self.processed = output.len();
        Screen(self.parser.screen().clone())
    }
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
        let pair = native_pty_system()
            .openpty(PtySize { rows, cols: columns, ..PtySize::default() })
            .expect("a pseudo-terminal");
        let found = settings(&*pair.master);
        let spawned = pair.slave.spawn_command(self.command.clone());
        let child = spawned.unwrap_or_else(|e| panic!("{e}\n$ {}", self.command_line()));
        // As long as this side had it open, the reader would not see the end.
        drop(pair.slave);
        drop(guard);
        let output = Collected::from_reader(pair.master.try_clone_reader().expect("the terminal can be read"));
        let keyboard = pair.master.take_writer().expect("the terminal can be written");
        let emulator = Mutex::new(Emulator::of_size(rows, columns));
        Terminal { child, master: pair.master, keyboard, output, emulator, program: self, found }
    }
}

impl Terminal {
    #[track_caller]
    pub fn type_keys(&mut self, keys: &str) {
        self.type_bytes(keys.as_bytes());
    }

    /// Types what no keyboard has.
    #[track_caller]
    pub fn type_bytes(&mut self, bytes: &[u8]) {
        self.keyboard.write_all(bytes).and_then(|()| self.keyboard.flush()).expect("the terminal takes keys");
    }

    #[track_caller]
    pub fn wait(&self, mut as_expected: impl FnMut(&Screen) -> bool) -> Screen {
        let found = self.output.wait(|output, _| Some(self.emulator().screen(output)).filter(&mut as_expected));
        let why = if self.output.is_closed() { "the program has closed the terminal" } else { "waited in vain" };
        // Not in a closure, which would hide the line of the test.
        let Some(found) = found else { panic!("the screen is not as expected; {why}\n{self}") };
        found
    }

    fn emulator(&self) -> MutexGuard<'_, Emulator> {
        self.emulator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until this text is on the screen, in one row or wrapped.
    #[track_caller]
    pub fn wait_for(&self, text: &str) -> Screen {
        self.wait(|screen| screen.text().contains(text) || screen.text().replace('\n', "").contains(text))
    }

    pub fn screen(&self) -> Screen {
        let output = self.raw();
        self.emulator().screen(&output)
    }

    pub fn raw(&self) -> Vec<u8> {
        self.output.so_far()
    }

    pub fn resize(&self, rows: u16, columns: u16) {
        self.screen();
        self.emulator().resize(rows, columns);
        self.master.resize(PtySize { rows, cols: columns, ..PtySize::default() }).expect("the terminal can be resized");
    }

    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("a process has a number")
    }

    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).expect("a process number");
        rustix::process::kill_process(pid, signal).expect("it takes a signal");
    }

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
        self.output.to_end();
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

impl std::fmt::Display for Terminal {
    /// The screen comes first: reports of failed tests may have only the beginning.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (screen, raw) = (self.screen(), self.raw());
        let (row, column) = screen.cursor();
        writeln!(f, "--- the screen, with the cursor in row {row}, column {column}\n{}", screen.text())?;
        writeln!(f, "$ {}", self.program.command_line())?;
        write!(f, "--- the last bytes: {}", excerpt(&raw[raw.len().saturating_sub(600)..]))
    }
}

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

    pub fn row(&self, row: u16) -> String {
        self.text().lines().nth(row.into()).unwrap_or_default().to_owned()
    }

    pub fn cursor(&self) -> (u16, u16) {
        self.0.cursor_position()
    }

    pub fn line(&self) -> String {
        self.row(self.cursor().0)
    }

    /// The screen with the look of each cell.
    pub fn emulated(&self) -> &vt100::Screen {
        &self.0
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

impl Screen {
    /// The characters in reverse video.
    pub fn reversed(&self) -> String {
        let (rows, columns) = self.0.size();
        let cells = (0..rows.get()).flat_map(|row| (0..columns.get()).map(move |column| (row, column)));
        let cells = cells.filter_map(|(row, column)| self.0.cell(row, column));
        cells.filter(|cell| cell.inverse()).map(vt100::Cell::contents).collect()
    }
}

/// What came to a terminal, without the colors in which the program shows things: nothing else that is escaped is
/// taken out.
pub fn without_colors(raw: &[u8]) -> String {
    const OWN: [&str; 9] = ["0", "1", "1;31", "35", "38;5;28", "38;5;30", "38;5;136", "90", "94"];
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
