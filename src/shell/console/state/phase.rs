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
    Lent,
}

/// What the waker and the painting tell each other.
#[derive(Debug, Default)]
pub(super) struct Repaint {
    /// The waker is about to ask for a repaint.
    pub(super) waking: bool,
    /// A repaint was asked for and has not come.
    pub(super) asked: bool,
    /// The prompt is not the one on the screen.
    pub(super) stale: bool,
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

/// The prompt where lines are not edited: the printer writes it, when nothing else is left to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum PlainPrompt {
    #[default]
    Hidden,
    Wanted,
    /// The cursor stands behind it, so what is printed begins on a new row.
    Shown,
}

/// The line was given up before it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Interrupted;
