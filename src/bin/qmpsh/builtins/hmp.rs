//! `.hmp` and `.qmp`: run lines in the human monitor.

use async_trait::async_trait;

use super::arguments::Words;
use crate::session::{Action, Builtin, Frontend};
use crate::status::{Status, Stop};
use qmpsh::language::syntax::Dialect;

/// `.hmp [LINE]`
pub(super) fn read(words: &Words<'_>) -> Action {
    let line = words.rest();
    if line.trim().is_empty() { SwitchLanguage(Dialect::Hmp).into() } else { HmpLine(line.to_owned()).into() }
}

/// `.hmp LINE`
#[derive(Debug)]
struct HmpLine(String);

#[async_trait(?Send)]
impl Builtin for HmpLine {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        match frontend.session().human_monitor.request(&self.0) {
            Ok(request) => frontend.execute(request, None).await,
            Err(refused) => {
                let refused = u32::from(refused);
                let message = format!("not sent: QEMU does not accept the character U+{refused:04X}");
                Err(Stop::new(Status::Usage, message))
            }
        }
    }
}

/// `.hmp` and `.qmp` without a line
#[derive(Debug)]
pub(super) struct SwitchLanguage(pub(super) Dialect);

#[async_trait(?Send)]
impl Builtin for SwitchLanguage {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        frontend.session().dialect.set(self.0);
        Ok(())
    }

    fn switches_language(&self) -> bool {
        true
    }
}
