//! The language of the next line, known to the thread that reads lines and to the task that runs them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use qmpsh::language::syntax::Dialect;

/// A dialect that all clones share.
#[derive(Clone, Debug)]
pub(crate) struct SharedDialect {
    is_hmp: Arc<AtomicBool>,
}

impl SharedDialect {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self { is_hmp: Arc::new(AtomicBool::new(dialect == Dialect::Hmp)) }
    }

    pub(crate) fn get(&self) -> Dialect {
        if self.is_hmp.load(Ordering::Relaxed) { Dialect::Hmp } else { Dialect::Qmp }
    }

    /// Sets the dialect of the next line.
    pub(crate) fn set(&self, dialect: Dialect) {
        self.is_hmp.store(dialect == Dialect::Hmp, Ordering::Relaxed);
    }
}
