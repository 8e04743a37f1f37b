//! `.source`: the lines of a file.

use std::path::PathBuf;

use async_trait::async_trait;

use super::arguments::{Refusal, Words};
use crate::session::{Builtin, Frontend};
use crate::status::Stop;

/// `.source FILE`
#[derive(Debug)]
pub(super) struct SourceFile(PathBuf);

impl SourceFile {
    pub(super) fn read(words: &mut Words<'_>) -> Result<Self, Refusal> {
        Ok(Self(words.required("the name of a file")?.0.into()))
    }
}

#[async_trait(?Send)]
impl Builtin for SourceFile {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        frontend.source(self.0.clone()).await
    }
}
