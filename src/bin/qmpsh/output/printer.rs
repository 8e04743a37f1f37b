//! What a batch prints: results and events, in the order in which they came, and never in the way.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::cli::EventsMode;
use crate::output::pipeline::{Group, Piped};
use crate::output::progress::BottomLine;
use crate::output::render::{Form, Pieces, Renderer};
use crate::output::stdout::Stdout;
use crate::session::EventFilter;
use crate::status::Failure;
use qmpsh::client::Client;
use qmpsh::events::{self, Delivery, EventStream};
use qmpsh::message::{Event, Reply, Request};

/// Bytes of events that may wait to be printed before reading waits for them: few enough to be still in the processor's cache.
const EVENT_ROOM: usize = 64 << 10;

/// How late a reply must be for what is gathered on stdout to be written meanwhile.
const LATE: Duration = Duration::from_millis(1);

/// stdout, the events that go there or to stderr, and the result that is printed next.
pub(crate) struct Printer {
    renderer: Renderer,
    stdout: Stdout,
    events: Option<Events>,
    /// What is left to print of the last reply: the next command goes out first.
    printout: Option<Pieces>,
    /// Stands below everything else, if all of it goes to one terminal.
    bottom: BottomLine,
    /// Where results go in place of stdout.
    piped: Option<Piped>,
}

/// Events that are shown.
struct Events {
    stream: EventStream,
    /// Those that came after the reply at hand: they are shown after it.
    held: VecDeque<Event>,
    /// Where they go, if not to stdout.
    stderr: Option<Stdout>,
}

impl Events {
    fn new(client: &Client, event_filter: &EventFilter, stderr: Option<Stdout>) -> Self {
        let stream = client.events(Delivery::Lossless { room: EVENT_ROOM }, event_filter.filter());
        Self { stream, held: VecDeque::new(), stderr }
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
    /// Made before the client connects, so that no event is missed.
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

    /// The command succeeded. What came before the reply is printed; the reply is, with what comes next.
    pub(crate) async fn reply(&mut self, reply: &Reply, request: &Request) -> Result<(), Failure> {
        self.take_events(Some(reply.arrival())).await?;
        let result = self.current().reply(reply, request.own_id.as_deref());
        self.emit(result).await
    }

    /// As [`reply`](Self::reply), with what is to be printed in its place.
    pub(crate) async fn text_reply(&mut self, reply: &Reply, shown: Option<Pieces>) -> Result<(), Failure> {
        self.take_events(Some(reply.arrival())).await?;
        match shown {
            Some(shown) => self.emit(shown).await,
            None => Ok(()),
        }
    }

    /// As [`reply`](Self::reply), for a command that failed.
    pub(crate) async fn refusal(&mut self, reply: &Reply, request: &Request) -> io::Result<()> {
        self.take_events(Some(reply.arrival())).await?;
        if self.renderer.form == Form::Raw {
            self.printout = Some(self.renderer.reply(reply, request.own_id.as_deref()));
        }
        Ok(())
    }

    /// As [`reply`](Self::reply), for a command that has succeeded without one.
    pub(crate) async fn no_reply(&mut self, request: &Request) -> Result<(), Failure> {
        self.take_events(None).await?;
        let result = self.current().empty(request.own_id.as_deref());
        self.emit(result).await
    }

    /// A result that is no reply, after what is printed already. It is printed with what comes next.
    pub(crate) async fn result(&mut self, result: Pieces) -> Result<(), Failure> {
        self.print_rest().await?;
        self.take_events(None).await?;
        self.emit(result).await
    }

    /// An event that is a result: printed as [`result`](Self::result) does, in its place among the events shown here, and once.
    pub(crate) async fn event_result(&mut self, event: &Event) -> Result<(), Failure> {
        self.print_printout().await?;
        if let Some(events) = &mut self.events {
            let new = events.stream.try_batch();
            events.hold(new);
            let is_it = |held: &Event| held.arrival() == event.arrival() && held.bytes() == event.bytes();
            let place = events.held.iter().position(is_it).filter(|_| events.stderr.is_none() && self.piped.is_none());
            let before = place.unwrap_or(events.held.len());
            self.print_events(before).await?;
            if let (Some(_), Some(events)) = (place, &mut self.events) {
                events.held.pop_front();
            }
        }
        let result = self.current().event_result(event);
        self.emit(result).await
    }

    /// Prints events as they are shown, after all that is printed already, and waits until they are written.
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

    /// From now on these events are shown.
    pub(crate) fn set_event_filter(&mut self, client: &Client, event_filter: &EventFilter) {
        match &mut self.events {
            Some(events) => events.stream.choose(event_filter.filter()),
            None if event_filter.is_on() => self.events = Some(Events::new(client, event_filter, None)),
            None => {}
        }
    }

    /// These events are shown with those that came by themselves.
    pub(crate) fn show(&mut self, events: VecDeque<Event>) {
        if let Some(shown) = &mut self.events {
            shown.held.extend(events);
        }
    }

    /// How results on stdout are formatted.
    pub(crate) fn renderer(&mut self) -> &mut Renderer {
        &mut self.renderer
    }

    /// How results are formatted where they go now.
    pub(crate) fn current(&self) -> Renderer {
        if self.piped.is_some() { Renderer::PIPELINE } else { self.renderer }
    }

    /// Sends results to a pipeline, or to stdout again; returns where they went before.
    pub(crate) fn redirect(&mut self, to: Option<Piped>) -> Option<Piped> {
        std::mem::replace(&mut self.piped, to)
    }

    /// Where results go in place of stdout.
    pub(crate) fn piped(&mut self) -> Option<&mut Piped> {
        self.piped.as_mut()
    }

    /// Starts the pipeline to which results go, after all that is printed before it.
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

    /// Gives a result to the pipeline, or keeps it to be printed with what comes next.
    async fn emit(&mut self, result: Pieces) -> Result<(), Failure> {
        if self.piped.is_none() {
            self.printout = Some(result);
            return Ok(());
        }
        self.start_pipeline().await?;
        let Some(pipeline) = self.piped.as_mut().and_then(|piped| piped.running.as_mut()) else { return Ok(()) };
        for mut piece in result {
            // Ctrl-Z stops this program too. What is left for a pipeline that has ended is dropped.
            while pipeline.write(&mut piece).await.is_some() {}
            if pipeline.is_closed() {
                break;
            }
        }
        Ok(())
    }

    /// How many columns a line may have that shows how far something has come; nothing if there is no place for one.
    pub(crate) fn progress_width(&self) -> Option<usize> {
        self.bottom.width()
    }

    /// Shows such a line in place of the one before, or takes it away.
    pub(crate) fn show_progress(&mut self, line: Option<String>) {
        match line {
            Some(line) => self.bottom.show(&line),
            None => self.bottom.clear(),
        }
    }

    /// Waits for events, and keeps them to be printed; for ever, if they are not shown. Cancel safe.
    pub(crate) async fn more_events(&mut self) {
        more(&mut self.events).await;
    }

    /// Prints what there is and the events that come, until that fails. Cancel safe.
    pub(crate) async fn print_meanwhile(&mut self) -> io::Error {
        let print = async {
            self.print_rest().await?;
            let mut late = None;
            loop {
                if self.stdout.is_pending() && late.is_none() {
                    late = Some(Instant::now() + LATE);
                }
                tokio::select! {
                    biased;
                    () = sleep_until_or_never(late) => {
                        late = None;
                        self.bottom.clear();
                        self.stdout.flush().await?;
                    }
                    () = gone(&mut self.piped) => return Err(io::ErrorKind::BrokenPipe.into()),
                    () = more(&mut self.events) => self.print_held().await?,
                }
            }
        };
        let result: Result<Infallible, io::Error> = print.await;
        match result {
            Err(error) => error,
        }
    }

    /// Prints what is left of the last reply, then what came after it. Cancel safe.
    pub(crate) async fn print_rest(&mut self) -> io::Result<()> {
        self.print_printout().await?;
        self.print_held().await
    }

    /// Prints what is left of the last reply. Cancel safe.
    pub(crate) async fn print_printout(&mut self) -> io::Result<()> {
        while let Some(piece) = self.printout.as_mut().and_then(Iterator::next) {
            self.stdout.push(piece);
            self.stdout.settle().await?;
        }
        self.printout = None;
        Ok(())
    }

    /// As [`print_printout`](Self::print_printout), and waits until all that was printed is written. Cancel safe.
    pub(crate) async fn print_told(&mut self) -> io::Result<()> {
        self.print_printout().await?;
        self.stdout.flush().await
    }

    /// Prints all there is, and waits until it is written. Cancel safe.
    pub(crate) async fn print_all(&mut self) -> io::Result<()> {
        self.print_rest().await?;
        self.take_events(None).await?;
        self.stdout.flush().await
    }

    /// Prints the events that have come, but holds those back that came after the message `until`. Cancel safe.
    async fn take_events(&mut self, until: Option<u64>) -> io::Result<()> {
        let Some(events) = &mut self.events else { return Ok(()) };
        let new = events.stream.try_batch();
        events.hold(new);
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

    /// Prints so many of the events held.
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
            out.settle().await?;
        }
        match &mut events.stderr {
            Some(stderr) => stderr.flush().await,
            None => Ok(()),
        }
    }
}

/// Waits for events, and keeps them to be printed; for ever, if they are not shown. Cancel safe.
async fn more(events: &mut Option<Events>) {
    match events {
        Some(events) => {
            let new = events.stream.batch().await;
            events.hold(new);
        }
        None => pending().await,
    }
}

/// Waits until nobody reads what a pipeline gets; for ever if none is running. Cancel safe.
async fn gone(piped: &mut Option<Piped>) {
    match piped.as_mut().and_then(|piped| piped.running.as_mut()) {
        Some(pipeline) => pipeline.gone().await,
        None => pending().await,
    }
}

/// Until then; for ever without a time.
pub(crate) async fn sleep_until_or_never(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
