//! Waits for one event, which also look back.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use qmpsh::client::{Client, Origin};
use qmpsh::events::{EventWait, HistoryBounds, RanOver};
use qmpsh::message::{Event, Request};

use super::{Server, answer, connect, session, session_with, start, within};

fn is(kind: &'static str) -> impl Fn(&Event) -> bool + Send + 'static {
    move |event| event.name() == kind
}

fn event(kind: &str, number: usize) -> String {
    format!(r#"{{"event": "{kind}", "data": {{"n": {number}}}}}"#)
}

fn number(event: &Event) -> usize {
    let data: serde_json::Value = serde_json::from_slice(&event.raw_data().unwrap()).unwrap();
    usize::try_from(data["n"].as_u64().unwrap()).unwrap()
}

/// What the wait has got by now.
fn got(wait: &mut EventWait) -> Option<usize> {
    match Pin::new(wait).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(event) => Some(number(&event)),
        Poll::Pending => None,
    }
}

/// A command and its reply, with this before and after the reply, in one write.
#[expect(clippy::disallowed_methods, reason = "this is about the origin")]
async fn run(client: &Client, server: &mut Server, origin: Origin, before: &str, after: &str) {
    let execution = within(client.start_as(Request::new("x"), origin)).await.unwrap();
    let (_, id) = server.hear_command().await;
    server.say(format!(r#"{before}{{"return": {{}}, "id": {id}}}{after}"#)).await;
    answer(execution).await.unwrap();
}

#[tokio::test]
async fn a_wait_finds_an_event_before_the_reply() {
    let (client, mut server) = session().await;
    run(&client, &mut server, Origin::User, &event("A", 1), &event("B", 2)).await;
    assert_eq!(number(&within(client.wait(is("B")).unwrap()).await), 2);
    assert_eq!(number(&within(client.wait(is("A")).unwrap()).await), 1);
    let again = client.wait(is("A")).unwrap();
    server.say(event("A", 3)).await;
    assert_eq!(number(&within(again).await), 3);
}

#[tokio::test]
async fn a_wait_finds_an_event_after_the_session_ended() {
    let (client, mut server) = session().await;
    let execution = start(&client, "quit").await;
    server.hear_command().await;
    server.say(format!("{}{}", event("SHUTDOWN", 1), r#"{"return": {}, "id": 1}"#)).await;
    drop(server);
    answer(execution).await.unwrap();
    within(client.disconnect()).await.unwrap();
    assert_eq!(number(&within(client.wait(is("SHUTDOWN")).unwrap()).await), 1);
    // A new session does not change that.
    let mut wait = client.wait(is("A")).unwrap();
    let mut server = connect(&client).await;
    server.say(event("A", 2)).await;
    assert_eq!(number(&within(&mut wait).await), 2);
}

#[tokio::test]
async fn a_wait_reports_forgotten_events() {
    let history = Some(HistoryBounds { bytes: 1 << 20, events: 2 });
    let (client, mut server) = session_with(Client::builder().history(history)).await;
    let three: String = (0..3).map(|n| event("A", n)).collect();
    run(&client, &mut server, Origin::User, &three, "").await;
    assert_eq!(client.wait(is("A")).unwrap_err(), RanOver);
    run(&client, &mut server, Origin::User, &event("A", 7), "").await;
    assert_eq!(number(&within(client.wait(is("A")).unwrap()).await), 7);
}

#[derive(Debug, Clone)]
enum Op {
    /// A command, of the user or of the program, and how many events come before and after its reply.
    Command(Origin, Vec<&'static str>, Vec<&'static str>),
    /// Events that come by themselves.
    Events(Vec<&'static str>),
    /// A wait, and the events that come while it waits. Then it is given up.
    Wait(&'static str, Vec<&'static str>),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let kind = || prop::sample::select(vec!["A", "B", "C"]);
    let kinds = || prop::collection::vec(kind(), 0..3);
    let origin = prop::sample::select(vec![Origin::User, Origin::Program]);
    let op = prop_oneof![
        3 => (origin, kinds(), kinds()).prop_map(|(origin, before, after)| Op::Command(origin, before, after)),
        1 => kinds().prop_map(Op::Events),
        4 => (kind(), kinds()).prop_map(|(kind, events)| Op::Wait(kind, events)),
    ];
    prop::collection::vec(op, 0..25)
}

/// Every event that came, and whether it has ended a wait.
#[derive(Default)]
struct Came(Vec<(&'static str, bool)>);

impl Came {
    fn come(&mut self, kinds: &[&'static str]) -> String {
        let mut text = String::new();
        for kind in kinds {
            text.push_str(&event(kind, self.0.len()));
            self.0.push((kind, false));
        }
        text
    }

    fn take(&mut self, kind: &str, start: usize) -> Option<usize> {
        let at = (start..self.0.len()).find(|at| self.0[*at] == (kind, false))?;
        self.0[at].1 = true;
        Some(at)
    }
}

async fn play(ops: Vec<Op>) -> Result<(), TestCaseError> {
    let (client, mut server) = session().await;
    let mut came = Came::default();
    let mut start = 0;
    let mut moves = true;
    for op in ops {
        match op {
            Op::Command(origin, before, after) => {
                if origin == Origin::User && moves {
                    (start, moves) = (came.0.len(), false);
                }
                let (before, after) = (came.come(&before), came.come(&after));
                run(&client, &mut server, origin, &before, &after).await;
            }
            Op::Events(kinds) => {
                let text = came.come(&kinds);
                server.say(text).await;
                run(&client, &mut server, Origin::Program, "", "").await;
            }
            Op::Wait(kind, kinds) => {
                moves = true;
                let mut wait = client.wait(is(kind)).unwrap();
                let found = came.take(kind, start);
                let text = came.come(&kinds);
                server.say(text).await;
                run(&client, &mut server, Origin::Program, "", "").await;
                let expected = found.or_else(|| came.take(kind, start));
                prop_assert_eq!(got(&mut wait), expected);
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn each_event_ends_at_most_one_wait_in_any_interleaving(ops in ops()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(ops))?;
    }
}
