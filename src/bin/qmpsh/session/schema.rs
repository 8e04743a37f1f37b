//! What the shell asks the peer for its own sake: the schema, at most once a session and only when a line cannot be understood
//! without it or a refusal can be explained by it; and the type of a property that is set.
//!
//! These are queries that instantiate nothing. They are not part of what the user does: they are not shown, and what they return is not
//! printed.

use std::sync::Arc;

use bytes::Bytes;

use crate::session::queries::{Listed, QomPath, Query};
use qmpsh::language::hmp;
use qmpsh::language::typing::{self, Needs, Property, Resend, Types};
use qmpsh::message::Request;
use qmpsh::schema::{Schema, SchemaError};
use qmpsh::text;

/// The schema of one session, once it was asked for.
#[derive(Debug, Default)]
pub(crate) struct SessionSchema {
    schema: Answer,
    /// What `guest-info` lists, of a guest agent.
    commands: Answer,
}

impl SessionSchema {
    /// The schema, or what a guest agent lists, if it was asked for and there is one.
    pub(crate) fn known(&self) -> Option<Arc<Schema>> {
        self.schema.clone().known().or_else(|| self.commands.clone().known())
    }

    /// Keeps what somebody else has asked for.
    pub(crate) fn know(&mut self, schema: &Arc<Schema>) {
        // A guest agent lists commands, and no types.
        let answer = if schema.type_count() > 0 { &mut self.schema } else { &mut self.commands };
        *answer = Answer::Known(Arc::clone(schema));
    }
}

#[derive(Clone, Debug, Default)]
enum Answer {
    #[default]
    NotAsked,
    /// The peer has none.
    Nothing,
    Known(Arc<Schema>),
}

impl Answer {
    fn known(self) -> Option<Arc<Schema>> {
        match self {
            Answer::Known(schema) => Some(schema),
            Answer::Nothing | Answer::NotAsked => None,
        }
    }
}

/// What is known about the arguments of one line.
#[derive(Clone, Debug, Default)]
pub(crate) struct TypeInfo {
    schema: Option<Arc<Schema>>,
    property: Option<String>,
}

impl TypeInfo {
    pub(crate) fn types(&self) -> Types<'_> {
        Types { schema: self.schema.as_deref(), property: self.property.as_deref() }
    }
}

/// A session in which the shell can ask for itself.
pub(crate) trait Peer {
    /// Why a line cannot go on.
    type Stop;

    fn session_schema(&mut self) -> &mut SessionSchema;

    /// Whether it is a guest agent, which has no schema.
    fn is_guest_agent(&self) -> bool;

    /// Waits for the schema if it was asked for already and has not come.
    async fn coming_schema(&mut self) -> Result<(), Self::Stop> {
        Ok(())
    }

    /// Sends a query and takes care of everything else meanwhile; what it returns, or `None` if it was refused.
    async fn ask(&mut self, query: Query) -> Result<Option<Bytes>, Self::Stop>;
}

/// Finds out what a line needs: for most lines nothing, and nothing is asked.
pub(crate) async fn resolve_types<P: Peer>(peer: &mut P, needs: &Needs) -> Result<TypeInfo, P::Stop> {
    let schema = if needs.schema { schema(peer).await? } else { None };
    let property = match &needs.property {
        Some(property) => property_type(peer, property).await?,
        None => None,
    };
    Ok(TypeInfo { schema, property })
}

/// What the schema, or else the line, says about a command that was refused: lines to put under the refusal, each with a newline in front.
pub(crate) async fn explain_error<P: Peer>(
    peer: &mut P,
    request: &Request,
    resend: Option<&Resend>,
    class: &str,
    desc: &str,
) -> Result<String, P::Stop> {
    let shown = |hint: &str| format!("\n  hint: {}", text::line(hint));
    if request.hmp_line.is_some() {
        // The schema knows nothing of the line.
        return Ok(hmp::hint(class, desc).map_or_else(String::new, shown));
    }
    if !typing::can_teach(class, desc) {
        return Ok(String::new());
    }
    let mut known = schema(peer).await?;
    if known.is_none() && class == "CommandNotFound" {
        known = agent_commands(peer).await?;
    }
    let mut hints = known.map(|schema| typing::hints(&schema, request)).unwrap_or_default();
    if hints.is_empty() {
        // The schema knows nothing of an argument whose type only the peer knows.
        hints.extend(resend.and_then(|resend| resend.hint(desc)));
    }
    Ok(hints.iter().map(|hint| shown(hint)).collect())
}

/// What the peer says that it offers: its schema, or the list of a guest agent.
pub(crate) async fn known_schema<P: Peer>(peer: &mut P) -> Result<Option<Arc<Schema>>, P::Stop> {
    match schema(peer).await? {
        Some(schema) => Ok(Some(schema)),
        None => agent_commands(peer).await,
    }
}

async fn schema<P: Peer>(peer: &mut P) -> Result<Option<Arc<Schema>>, P::Stop> {
    if peer.is_guest_agent() {
        return Ok(None);
    }
    if let Answer::NotAsked = peer.session_schema().schema {
        peer.coming_schema().await?;
    }
    if let Answer::NotAsked = peer.session_schema().schema {
        let reply = peer.ask(Query::Schema).await?;
        peer.session_schema().schema = read(reply, Schema::parse);
    }
    Ok(peer.session_schema().schema.clone().known())
}

async fn agent_commands<P: Peer>(peer: &mut P) -> Result<Option<Arc<Schema>>, P::Stop> {
    if let Answer::NotAsked = peer.session_schema().commands {
        let reply = peer.ask(Query::GuestInfo).await?;
        peer.session_schema().commands = read(reply, Schema::parse_guest_info);
    }
    Ok(peer.session_schema().commands.clone().known())
}

fn read(reply: Option<Bytes>, parse: fn(&[u8]) -> Result<Schema, SchemaError>) -> Answer {
    match reply.as_deref().map(parse) {
        Some(Ok(schema)) => Answer::Known(Arc::new(schema)),
        Some(Err(error)) => {
            tracing::warn!("{}", qmpsh::error::describe(&error));
            Answer::Nothing
        }
        None => Answer::Nothing,
    }
}

/// The type of a property, as QEMU's object model calls it; `None` if there is no such object or property.
async fn property_type<P: Peer>(peer: &mut P, property: &Property) -> Result<Option<String>, P::Stop> {
    let Some(path) = QomPath::new(&property.path) else { return Ok(None) };
    let Some(reply) = peer.ask(Query::QomList(path)).await? else { return Ok(None) };
    let listed: Vec<Listed> = serde_json::from_slice(&reply).unwrap_or_default();
    Ok(listed.into_iter().find(|listed| listed.name == property.name).map(|listed| listed.ty))
}
