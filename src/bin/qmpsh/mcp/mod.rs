//! `qmpsh mcp`: the monitor as tools for an agent, by the Model Context Protocol on stdin and stdout.
//!
//! `vm` is the way to the monitor, which is tried again at each call. `tools` is the table of tools with their parameters, `call` runs
//! one of them as a [`Frontend`](crate::session::Frontend) of the built-in commands, `results` bounds what it returns, and `events` is
//! the resource of that name. The protocol itself is the crate `rmcp`'s.

mod call;
mod events;
mod parameters;
mod results;
mod tools;
mod vm;

use std::cell::RefCell;
use std::rc::Rc;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode, Implementation, InitializeResult,
    JsonObject, ListResourcesResult, ListToolsResult, PaginatedRequestParams, ReadResourceRequestParams,
    ReadResourceResponse, ReadResourceResult, Resource, ResourceContents, ServerCapabilities, SubscribeRequestParams,
    SubscriptionFilter, UnsubscribeRequestParams,
};
use rmcp::service::{RequestContext, RoleServer, SubscriptionContext, serve_server};
use rmcp::{ErrorData, ServerHandler};
use tokio::task::spawn_local;

use crate::cli::Options;
use crate::connect::Connector;
use crate::output::diagnostics;
use crate::output::messages::{Messages, Notifier};
use crate::output::wire_log::WireLog;
use crate::session::queries;
use crate::signals::{Ending, Interrupts};
use crate::status::{Failure, Status};
use events::{Events, URI};
use qmpsh::address::Address;
use results::Kept;
use tools::TOOLS;
use vm::Vm;

/// Serves a client until it closes stdin or a signal ends the program.
pub(crate) async fn run(
    (address, options): (Address, &'static Options),
    connector: Connector<'static>,
    messages: Messages,
) -> Result<Status, Failure> {
    let (mut interrupts, mut ending) = (Interrupts::unless_ignored()?, Ending::new()?);
    diagnostics::to_stderr(options.log_level);
    let log = WireLog::new(options, "qmpsh: ", Notifier::Stderr(messages))?;
    let vm = Rc::new(Vm::new(address, options, connector, log, messages));
    let events = Rc::new(Events::default());
    let following = spawn_local(Rc::clone(&events).follow(vm.events()));
    let early = Rc::clone(&vm);
    // So that events are there before the first call. What fails is told at that call.
    let connecting = spawn_local(async move { early.connect().await });
    let server = Server(Rc::new(State { vm: Rc::clone(&vm), events, kept: RefCell::default() }));
    let serve = async {
        match serve_server(server, rmcp::transport::stdio()).await {
            Ok(service) => drop(service.waiting().await),
            // The client has gone, or speaks another protocol.
            Err(error) => tracing::warn!("{error}"),
        }
    };
    let ended = tokio::select! {
        biased;
        () = interrupts.next() => Err(Failure::silent(Status::Interrupted)),
        status = ending.signal() => Err(Failure::silent(status)),
        () = serve => Ok(Status::Success),
    };
    connecting.abort();
    following.abort();
    queries::settle().await;
    vm.close(ended.is_ok()).await;
    ended
}

/// What the client gets.
#[derive(Clone)]
struct Server(Rc<State>);

struct State {
    vm: Rc<Vm>,
    events: Rc<Events>,
    /// The results that were too long.
    kept: RefCell<Kept>,
}

impl Server {
    /// Calls a tool. The error is a sentence for the agent.
    async fn call(
        &self,
        name: &str,
        arguments: &JsonObject,
        context: &RequestContext<RoleServer>,
    ) -> Option<Result<Vec<ContentBlock>, String>> {
        let tool = TOOLS.iter().find(|tool| tool.name == name)?;
        let State { vm, kept, .. } = &*self.0;
        let done = async {
            if let Some(why) = tool.forbidden(vm.client()) {
                return Err(why);
            }
            let arguments = parameters::read(tool.name, tool.parameters, arguments)?;
            let offset = arguments.number(results::OFFSET).unwrap_or(0);
            let key = arguments.key(tool.name);
            if offset > 0 {
                return kept.borrow().rest(&key, offset);
            }
            match tool.run(vm, &arguments, context.ct.clone()).await? {
                tools::Outcome::Text(text) => Ok(kept.borrow_mut().first(key, text)),
                tools::Outcome::Image(png, about) => Ok(vec![
                    ContentBlock::image(data_encoding::BASE64.encode(&png), "image/png"),
                    ContentBlock::text(about),
                ]),
            }
        };
        Some(done.await.map_err(|message| results::shortened(&message)))
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> InitializeResult {
        let capabilities = ServerCapabilities::builder().enable_tools().enable_resources().enable_resources_subscribe();
        InitializeResult::new(capabilities.build())
            .with_server_info(Implementation::new("qmpsh", env!("CARGO_PKG_VERSION")))
            .with_instructions(self.0.vm.instructions())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let client = self.0.vm.client();
        let offered = TOOLS.iter().filter(|tool| tool.forbidden(client).is_none());
        Ok(ListToolsResult::with_all_items(offered.map(|tool| tool.description(client.policy())).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        match self.call(&request.name, &request.arguments.unwrap_or_default(), &context).await {
            Some(Ok(result)) => Ok(CallToolResult::success(result).into()),
            Some(Err(message)) => Ok(CallToolResult::error(vec![ContentBlock::text(message)]).into()),
            None => {
                let names: Vec<_> = TOOLS.iter().map(|tool| tool.name).collect();
                let message = format!("no tool `{}`: there are {}", request.name.escape_debug(), names.join(", "));
                Err(ErrorData::invalid_params(message, None))
            }
        }
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let events = Resource::new(URI, "events")
            .with_title("Events of the VM")
            .with_description("The newest events that QEMU sent, one JSON object a line, oldest first")
            .with_mime_type(events::TYPE);
        Ok(ListResourcesResult::with_all_items(vec![events]))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        check(&request.uri)?;
        let text = ResourceContents::text(self.0.events.text(), URI).with_mime_type(events::TYPE);
        Ok(ReadResourceResult::new(vec![text]).into())
    }

    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        check(&request.uri)?;
        self.0.events.subscribe(context.peer);
        Ok(())
    }

    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        check(&request.uri)?;
        self.0.events.unsubscribe();
        Ok(())
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        let mut accepted = SubscriptionFilter::default();
        let wanted = requested.resource_subscriptions.as_ref()?;
        accepted.resource_subscriptions = Some(wanted.iter().filter(|uri| *uri == URI).cloned().collect());
        Some(accepted)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        loop {
            tokio::select! {
                () = context.cancelled() => return Ok(()),
                () = self.0.events.news() => {}
            }
            if context.sink().notify_resource_updated(URI).await.is_err() {
                return Ok(());
            }
        }
    }
}

/// Fails if there is no resource of this URI.
fn check(uri: &str) -> Result<(), ErrorData> {
    if uri == URI {
        return Ok(());
    }
    let message = format!("no resource `{}`: there is {URI}", uri.escape_debug());
    Err(ErrorData::new(ErrorCode::RESOURCE_NOT_FOUND, message, None))
}
