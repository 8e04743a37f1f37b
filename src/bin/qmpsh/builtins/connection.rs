//! `.status`, `.reconnect`, `.detach` and `.quit`: the connection.

use async_trait::async_trait;

use super::print_text;
use crate::session::{Builtin, Frontend, peer};
use crate::status::{Status, Stop};

/// `.status`
#[derive(Debug)]
pub(super) struct ShowStatus;

#[async_trait(?Send)]
impl Builtin for ShowStatus {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        let session = frontend.session();
        let address = session.connector.shown();
        let version = peer::version(&session.client).unwrap_or_else(|| "no greeting".to_owned());
        let unanswered = match session.unanswered {
            0 => String::new(),
            1 => "\nwaiting for the reply to 1 command".to_owned(),
            count => format!("\nwaiting for the replies to {count} commands"),
        };
        let status = if session.is_connected() {
            format!("connected to {address}\n{version}{unanswered}")
        } else {
            format!("not connected to {address} (.reconnect connects again)\nlast connected to: {version}{unanswered}")
        };
        print_text(frontend, &status).await
    }
}

/// `.reconnect`
#[derive(Debug)]
pub(super) struct Reconnect;

#[async_trait(?Send)]
impl Builtin for Reconnect {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        frontend.reconnect().await
    }
}

/// `.detach`
#[derive(Debug)]
pub(super) struct Detach;

#[async_trait(?Send)]
impl Builtin for Detach {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        if let Some(warning) = frontend.session().connector.detach()? {
            frontend.say(&warning);
        }
        Err(Stop::Leave(Status::Success))
    }
}

/// `.quit`, or `exit`
#[derive(Debug)]
pub(super) struct Quit;

#[async_trait(?Send)]
impl Builtin for Quit {
    async fn run(&self, _: &mut dyn Frontend) -> Result<(), Stop> {
        Err(Stop::Leave(Status::Success))
    }
}
