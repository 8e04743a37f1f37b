//! What the threads are at.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// No line is being edited.
    #[default]
    Idle,
    /// A line will be edited when the printer has written what is pending.
    Starting,
    /// A line is being edited. Not painted: rustyline has not drawn the prompt, the terminal may not be raw yet.
    Typing { painted: bool },
    /// The line has ended; the waker may still be at it.
    Ending,
    /// Another program has the terminal.
    TerminalGuard,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Life {
    #[default]
    Open,
    /// No line is read any more, and the threads end when the queue is empty.
    Closing,
    /// The terminal is gone, or everything has ended: what comes is forgotten.
    Closed,
}
