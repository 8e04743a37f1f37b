//! `.edit`: a line in the user's editor.

use async_trait::async_trait;

use crate::session::{Builtin, Frontend};
use crate::status::Stop;

/// `.edit`
#[derive(Debug)]
pub(super) struct Edit;

#[async_trait(?Send)]
impl Builtin for Edit {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        frontend.edit().await
    }
}
