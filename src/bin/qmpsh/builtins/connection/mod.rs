//! `.status`, `.connect`, `.reconnect`, `.detach` and `.quit`.

mod connect;

use async_trait::async_trait;

use super::print_sentences;
use crate::session::{Builtin, Frontend, Session, peer};
use crate::status::{Status, Stop};

pub(super) use connect::Connect;

/// A command about the connection; none has arguments.
#[derive(Debug)]
pub(super) enum Connection {
    Status,
    Reconnect,
    Detach,
    /// Also `exit`.
    Quit,
}

#[async_trait(?Send)]
impl Builtin for Connection {
    async fn run(&self, frontend: &mut dyn Frontend) -> Result<(), Stop> {
        match self {
            Connection::Status => {
                let status = status(frontend.session());
                print_sentences(frontend, &status).await
            }
            Connection::Reconnect => frontend.reconnect().await,
            Connection::Detach => {
                if let Some(warning) = frontend.session().connector.detach()? {
                    frontend.notifier().say(&warning);
                }
                Err(Stop::Leave(Status::Success))
            }
            Connection::Quit => Err(Stop::Leave(Status::Success)),
        }
    }
}

/// The lines of `.status`.
fn status(session: &Session) -> String {
    let address = session.connector.shown();
    let version = peer::version(&session.client).unwrap_or_else(|| "no greeting".to_owned());
    let unanswered = match session.unanswered {
        0 => String::new(),
        1 => "\nwaiting for the reply to 1 command".to_owned(),
        count => format!("\nwaiting for the replies to {count} commands"),
    };
    if session.is_connected() {
        format!("connected to {address}\n{version}{unanswered}")
    } else {
        format!("not connected to {address} (.reconnect connects again)\nlast connected to: {version}{unanswered}")
    }
}
