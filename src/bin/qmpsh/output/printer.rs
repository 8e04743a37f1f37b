//! Prints the results and events of a batch, in the order in which they came.
//!
//! Printing never blocks: a slow reader must not defeat Ctrl-C or a time limit.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::cli::EventsMode;
use crate::output::pipeline::{Group, Piped, Pipeline};
use crate::output::progress::BottomLine;
use crate::output::render::{Form, Pieces, Renderer};
use crate::output::stdout::Stdout;
use crate::session::EventFilter;
use crate::signals::or_never;
use crate::status::Failure;
use qmpsh::client::Client;
use qmpsh::events::{self, Delivery, EventStream};
use qmpsh::message::{Event, Reply, Request};

/// Bytes of events that may wait to be printed before reading stops: few enough to stay in the processor's cache.
const EVENT_ROOM: usize = 64 << 10;

/// How long to wait for a reply before writing what is buffered for stdout.
const LATE: Duration = Duration::from_millis(1);

/// Prints to stdout, and events to stderr if the user wants that.
pub(crate) struct Printer {
    /// How results on stdout are formatted.
    pub(crate) renderer: Renderer,
    stdout: Stdout,
    events: Option<Events>,
    /// The rest of the last result: the next command is sent before it is printed.
    printout: Option<Pieces>,
    /// The progress line, below everything else.
    pub(crate) bottom: BottomLine,
    /// The pipeline that gets the results in place of stdout.
    pub(crate) piped: Option<Piped>,
}

/// The events that are shown.
struct Events {
    stream: EventStream,
    /// Events that came after the last reply and are shown after it.
    held: VecDeque<Event>,
    /// Where events go, if not to stdout.
    stderr: Option<Stdout>,
}

impl Events {
    fn new(client: &Client, event_filter: &EventFilter, stderr: Option<Stdout>) -> Self {
        let stream = client.events_with(Delivery::Lossless { room: EVENT_ROOM }, event_filter.filter());
        Self { stream, held: VecDeque::new(), stderr }
    }

    /// Waits for events and holds them. Cancel safe.
    async fn more(&mut self) {
        let new = self.stream.batch().await;
        self.hold(new);
    }

    /// Holds the events that have come.
    fn hold_new(&mut self) {
        let new = self.stream.try_batch();
        self.hold(new);
    }

    fn hold(&mut self, mut new: events::Batch) {
        if self.held.is_empty() {
            self.held = new.events;
        } else {
            self.held.append(&mut new.events);
        }
    }
}

impl Printer {
    /// Call it before the client connects, so that no event is missed.
    pub(crate) fn new(client: &Client, events: Option<EventsMode>, renderer: Renderer) -> Self {
        let listen = |stderr| Events::new(client, &EventFilter::all(true), stderr);
        let events = match events {
            Some(EventsMode::Show) => Some(listen(None)),
            Some(EventsMode::Stderr) => Some(listen(Some(Stdout::new(rustix::stdio::stderr())))),
            Some(EventsMode::Hide) | None => None,
        };
        Self {
            renderer,
            stdout: Stdout::new(rustix::stdio::stdout()),
            events,
            printout: None,
            piped: None,
            bottom: BottomLine::new(),
        }
    }

    /// Prints the events before a reply, or all if there was none. Its result, if there is one, is printed with what comes next.
    pub(crate) async fn reply(&mut self, reply: Option<&Reply>, result: Option<Pieces>) -> Result<(), Failure> {
        self.take_events(reply.map(Reply::arrival)).await?;
        match result {
            Some(result) => self.emit(result).await,
            None => Ok(()),
        }
    }

    /// Prints the events before the reply to a command that failed, and with `-o raw` the reply.
    pub(crate) async fn refusal(&mut self, reply: &Reply, request: &Request) -> io::Result<()> {
        self.take_events(Some(reply.arrival())).await?;
        if self.renderer.form == Form::Raw {
            self.printout = Some(self.renderer.reply(reply, request.own_id()));
        }
        Ok(())
    }

    /// Prints the result of a built-in command with what comes next.
    pub(crate) async fn result(&mut self, result: Pieces) -> Result<(), Failure> {
        self.print_rest().await?;
        self.take_events(None).await?;
        self.emit(result).await
    }

    /// Prints an event as a result. If events are shown on stdout, it keeps its place among them and is printed once.
    pub(crate) async fn event_result(&mut self, event: &Event) -> Result<(), Failure> {
        self.print_printout().await?;
        if let Some(events) = &mut self.events {
            events.hold_new();
            let is_shown = events.stderr.is_none() && self.piped.is_none();
            let place = place_of(event, &events.held).filter(|_| is_shown);
            let before = place.unwrap_or(events.held.len());
            self.print_events(before).await?;
            if let (Some(_), Some(events)) = (place, &mut self.events) {
                events.held.pop_front();
            }
        }
        let result = self.current().event_result(event);
        self.emit(result).await
    }

    /// Prints events as results, and waits until they are written.
    pub(crate) async fn events_now(&mut self, events: VecDeque<Event>) -> Result<(), Failure> {
        self.print_rest().await?;
        self.take_events(None).await?;
        for event in events {
            if self.piped.is_some() {
                let result = self.current().event_result(&event);
                self.emit(result).await?;
                continue;
            }
            self.renderer.event(&event, self.stdout.buffer());
            self.stdout.settle().await?;
        }
        Ok(self.stdout.flush().await?)
    }

    /// Sets which events are shown.
    pub(crate) fn set_event_filter(&mut self, client: &Client, event_filter: &EventFilter) {
        match &mut self.events {
            Some(events) => events.stream.choose(event_filter.filter()),
            None if event_filter.is_on() => self.events = Some(Events::new(client, event_filter, None)),
            None => {}
        }
    }

    /// Makes the stream of the events that are shown, if any are, of another client: before it connects, so that no event is missed.
    pub(crate) fn stream_of(&self, client: &Client, event_filter: &EventFilter) -> Option<EventStream> {
        let room = Delivery::Lossless { room: EVENT_ROOM };
        self.events.as_ref().map(|_| client.events_with(room, event_filter.filter()))
    }

    /// Shows the events of another client from now on, after those that have come from this one.
    pub(crate) fn change_to(&mut self, stream: Option<EventStream>) {
        if let (Some(events), Some(stream)) = (&mut self.events, stream) {
            events.hold_new();
            events.stream = stream;
        }
    }

    /// Shows events as if they had just come.
    pub(crate) fn show(&mut self, events: VecDeque<Event>) {
        if let Some(shown) = &mut self.events {
            shown.held.extend(events);
        }
    }

    /// Returns how results are formatted where they go now.
    pub(crate) fn current(&self) -> Renderer {
        if self.piped.is_some() { Renderer::PIPELINE } else { self.renderer }
    }

    /// Starts the pipeline after writing everything before it.
    pub(crate) async fn start_pipeline(&mut self) -> Result<(), Failure> {
        if self.piped.as_ref().is_some_and(|piped| piped.running.is_none()) {
            self.print_rest().await?;
            self.stdout.flush().await?;
        }
        match &mut self.piped {
            Some(piped) => piped.start(Group::Ours).map(drop),
            None => Ok(()),
        }
    }

    /// Feeds a result to the pipeline, or keeps it until something else is printed.
    async fn emit(&mut self, result: Pieces) -> Result<(), Failure> {
        if self.piped.is_none() {
            self.printout = Some(result);
            return Ok(());
        }
        self.start_pipeline().await?;
        let Some(pipeline) = running(&mut self.piped) else { return Ok(()) };
        for mut piece in result {
            // Ctrl-Z stops this program too. The rest of the result is dropped if the pipeline has ended.
            while pipeline.write(&mut piece).await.is_some() {}
            if pipeline.is_closed() {
                break;
            }
        }
        Ok(())
    }

    /// Waits for events and holds them; forever if none are shown. Cancel safe.
    pub(crate) async fn more_events(&mut self) {
        or_never(self.events.as_mut().map(Events::more)).await;
    }

    /// Prints what is left, and events as they come, until a write fails. Cancel safe.
    pub(crate) async fn print_meanwhile(&mut self) -> io::Error {
        let print = async {
            self.print_rest().await?;
            let mut late = None;
            loop {
                if self.stdout.is_pending() && late.is_none() {
                    late = Some(Instant::now() + LATE);
                }
                let written = self.stdout.written();
                tokio::select! {
                    biased;
                    () = sleep_until_or_never(late) => {
                        late = None;
                        self.bottom.clear();
                        self.stdout.flush().await?;
                    }
                    () = or_never(running(&mut self.piped).map(Pipeline::gone)) => return Err(io::ErrorKind::BrokenPipe.into()),
                    () = or_never(self.events.as_mut().map(Events::more)) => {
                        self.print_held().await?;
                        // What is left has just come.
                        if self.stdout.written() > written {
                            late = None;
                        }
                    }
                }
            }
        };
        let result: Result<Infallible, io::Error> = print.await;
        match result {
            Err(error) => error,
        }
    }

    /// Prints the rest of the last result, then the events after it. Cancel safe.
    pub(crate) async fn print_rest(&mut self) -> io::Result<()> {
        self.print_printout().await?;
        self.print_held().await
    }

    /// Prints the rest of the last result. Cancel safe.
    pub(crate) async fn print_printout(&mut self) -> io::Result<()> {
        while let Some(piece) = self.printout.as_mut().and_then(Iterator::next) {
            self.stdout.push(piece);
            self.stdout.settle().await?;
        }
        self.printout = None;
        Ok(())
    }

    /// Prints the rest of the last result, and waits until everything is written. Cancel safe.
    pub(crate) async fn print_told(&mut self) -> io::Result<()> {
        self.print_printout().await?;
        self.stdout.flush().await
    }

    /// Prints everything, and waits until it is written. Cancel safe.
    pub(crate) async fn print_all(&mut self) -> io::Result<()> {
        self.print_rest().await?;
        self.take_events(None).await?;
        self.stdout.flush().await
    }

    /// Prints the events so far, but holds those that came after the message number `until`. Cancel safe.
    async fn take_events(&mut self, until: Option<u64>) -> io::Result<()> {
        let Some(events) = &mut self.events else { return Ok(()) };
        events.hold_new();
        let count = match until {
            Some(until) => events.held.partition_point(|event| event.arrival() < until),
            None => events.held.len(),
        };
        self.print_events(count).await
    }

    async fn print_held(&mut self) -> io::Result<()> {
        let held = self.events.as_ref().map_or(0, |events| events.held.len());
        self.print_events(held).await
    }

    /// Prints this many of the held events.
    async fn print_events(&mut self, count: usize) -> io::Result<()> {
        if count > 0 {
            self.bottom.clear();
        }
        let Some(events) = &mut self.events else { return Ok(()) };
        let (out, renderer) = match &mut events.stderr {
            Some(stderr) => (stderr, self.renderer.for_stderr()),
            None => (&mut self.stdout, self.renderer),
        };
        for _ in 0..count {
            let Some(event) = events.held.pop_front() else { break };
            renderer.event(&event, out.buffer());
            if out.is_full() {
                out.settle().await?;
            }
        }
        match &mut events.stderr {
            Some(stderr) => stderr.flush().await,
            None => Ok(()),
        }
    }
}

/// Returns the index of `event` in a list of events.
pub(crate) fn place_of(event: &Event, events: &VecDeque<Event>) -> Option<usize> {
    events.iter().position(|other| other.arrival() == event.arrival() && other.bytes() == event.bytes())
}

fn running(piped: &mut Option<Piped>) -> Option<&mut Pipeline> {
    piped.as_mut()?.running.as_mut()
}

/// Sleeps until `deadline`; forever without one.
pub(crate) async fn sleep_until_or_never(deadline: Option<Instant>) {
    or_never(deadline.map(sleep_until)).await;
}
