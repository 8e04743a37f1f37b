//! What a line asks for.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::Frontend;
use crate::status::Stop;
use qmpsh::language::typing::Resend;
use qmpsh::message::Request;

/// What a line asks for.
#[derive(Debug, Clone)]
pub(crate) enum Action {
    /// A command for the peer, and how to change it if the peer refuses it for a type.
    Send(Request, Option<Box<Resend>>),
    /// A built-in command.
    Builtin(Arc<dyn Builtin>),
    /// An action with its results as the stdin of a pipeline.
    Pipe(Box<Action>, String),
}

impl Action {
    /// Runs it.
    pub(crate) async fn run(self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        match self {
            Action::Send(request, resend) => frontend.execute(request, resend).await,
            Action::Builtin(builtin) => builtin.run(frontend).await,
            Action::Pipe(action, pipeline) => frontend.pipe(*action, pipeline).await,
        }
    }
}

impl<B: Builtin + 'static> From<B> for Action {
    fn from(builtin: B) -> Self {
        Action::Builtin(Arc::new(builtin))
    }
}

/// A built-in command with its arguments.
#[async_trait(?Send)]
pub(crate) trait Builtin: fmt::Debug + Send + Sync {
    /// Runs it. Drop the future before it ends only together with the session.
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop>;

    /// Returns true if it changes the language of the lines after it, so that no other command can carry it.
    fn switches_language(&self) -> bool {
        false
    }
}
