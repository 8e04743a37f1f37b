//! What the schema says about a line: the types of its arguments, and hints about an error.
//!
//! The schema is requested only if a line cannot be understood without it, or if it can explain an error.

use std::sync::Arc;

use super::ask::{self, TimeLimit};
use super::frontend::{Frontend, attend};
use super::queries::{Listed, QomPath, Query};
use super::refusals;
use crate::status::{Failure, Status, Stop};
use qmpsh::language::typing::{self, Needs, Property, Resend, Types};
use qmpsh::language::{hmp, meant};
use qmpsh::message::Request;
use qmpsh::schema::Schema;
use qmpsh::secrets::in_text;
use qmpsh::text;

/// What messages call the schema.
const NAME: &str = "the peer's schema";

/// The types of the arguments of one line.
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

/// Finds the types that a line needs. Most lines need none, and then nothing is sent.
pub(crate) async fn resolve_types(frontend: &mut dyn Frontend, needs: &Needs) -> Result<TypeInfo, Stop> {
    // A guest agent lists commands without types.
    let schema = if needs.schema && !frontend.session().client.is_guest_agent() {
        schema(frontend).await?.filter(|schema| schema.type_count() > 0)
    } else {
        None
    };
    let property = match &needs.property {
        Some(property) => property_type(frontend, property).await?,
        None => None,
    };
    Ok(TypeInfo { schema, property })
}

/// Returns hints about a command that was refused, from the schema or else from the line: lines to put below the error, each after a
/// newline.
pub(crate) async fn explain_error(
    frontend: &mut dyn Frontend,
    request: &Request,
    resend: Option<&Resend>,
    class: &str,
    desc: &str,
) -> Result<String, Stop> {
    let shown = |hint: &str| format!("\n  hint: {}", text::line(hint));
    if request.hmp_line().is_some() {
        return Ok(hmp::hint(class, desc).map_or_else(String::new, shown));
    }
    let meant = meant::refused_request(request, class, desc).filter(|meant| in_text(meant, "").is_none());
    let next_step = || refusals::next_step(request.command(), desc);
    if !typing::can_teach(class, desc) {
        return Ok(meant.or_else(next_step).map_or_else(String::new, |hint| shown(&hint)));
    }
    let schema = schema(frontend).await?;
    let has_human_monitor = schema.as_deref().is_some_and(|schema| schema.command(hmp::COMMAND).is_some());
    let is_human = || has_human_monitor && !typing::was_removed(request.command());
    let meant = meant.filter(|_| class != "CommandNotFound" || is_human());
    if let Some(meant) = meant {
        return Ok(shown(&meant));
    }
    let mut hints = schema.map(|schema| typing::hints(&schema, request)).unwrap_or_default();
    if class == "CommandNotFound" {
        hints.extend(meant::built_in(request.command()));
    }
    if hints.is_empty() {
        // The schema does not contain types that only the peer knows.
        hints.extend(resend.and_then(|resend| resend.hint(desc)).or_else(next_step));
    }
    Ok(hints.iter().map(|hint| shown(hint)).collect())
}

/// Adds which arguments a command takes to a failure to understand them.
pub(crate) async fn name_arguments(frontend: &mut dyn Frontend, mut failure: Failure) -> Failure {
    let Some(command) = failure.command.take() else { return failure };
    if let Ok(Some(schema)) = schema(frontend).await
        && let Some(takes) = typing::takes(&schema, &command)
    {
        failure.message = format!("{}\n  help: {}", failure.message.trim_end(), text::line(&takes));
    }
    failure
}

/// Returns the schema of the peer, or the list of a guest agent. `None` if it has none or is not connected: then the line fails
/// by itself.
pub(crate) async fn schema(frontend: &mut dyn Frontend) -> Result<Option<Arc<Schema>>, Stop> {
    let session = frontend.session();
    let (client, schema) = (session.client.clone(), Arc::clone(&session.schema));
    if !session.is_connected() {
        return Ok(schema.known());
    }
    let limit = TimeLimit::new(session.options.timeout);
    match attend(frontend, schema.fetch(&client), limit.end, NAME).await? {
        Some(Ok(schema)) => Ok(schema),
        Some(Err(_)) => Err(ask::lost(frontend, NAME).await),
        None => Err(Stop::new(Status::TimedOut, format!("no reply to `query-qmp-schema` within {limit}"))),
    }
}

/// Returns the name of a property's type in QEMU's object model; `None` if the object or the property does not exist.
async fn property_type(frontend: &mut dyn Frontend, property: &Property) -> Result<Option<String>, Stop> {
    let Some(path) = QomPath::new(&property.path).filter(|_| frontend.session().is_connected()) else {
        return Ok(None);
    };
    let limit = TimeLimit::new(frontend.session().options.timeout);
    let what = format!("the properties of {}", text::line(&property.path));
    let Ok(reply) = ask::query(frontend, Query::QomList(path), limit, &what).await? else { return Ok(None) };
    let listed: Vec<Listed> = serde_json::from_slice(&reply.result().unwrap_or_default()).unwrap_or_default();
    Ok(listed.into_iter().find(|listed| listed.name == property.name).map(|listed| listed.ty))
}
