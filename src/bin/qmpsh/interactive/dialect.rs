//! What lines are taken for, as both who reads them and who runs them know it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use qmpsh::language::syntax::Dialect;

/// One dialect for all its clones.
#[derive(Clone, Debug)]
pub(crate) struct SharedDialect {
    is_hmp: Arc<AtomicBool>,
}

impl SharedDialect {
    pub(crate) fn new(dialect: Dialect) -> Self {
        Self { is_hmp: Arc::new(AtomicBool::new(dialect == Dialect::Hmp)) }
    }

    pub(super) fn get(&self) -> Dialect {
        if self.is_hmp.load(Ordering::Relaxed) { Dialect::Hmp } else { Dialect::Qmp }
    }

    /// For the next line that is read.
    pub(super) fn set(&self, dialect: Dialect) {
        self.is_hmp.store(dialect == Dialect::Hmp, Ordering::Relaxed);
    }
}
