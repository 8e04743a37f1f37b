//! Each command gets exactly one outcome, and the right one (a property test).

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use qmpsh::client::{Client, Execution};
use qmpsh::events::Delivery;

use super::{Server, answer, session_with, start};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    /// A command is sent.
    Send,
    /// Drops the future of this command.
    GiveUp(usize),
    /// The server answers one of those that it has heard and not answered, well or with an error.
    Answer(usize, bool),
    Event,
    /// A reply to a command that was never sent.
    Stray,
    /// So many of the bytes go out in a write of their own.
    Chunk(usize),
}

fn steps() -> impl Strategy<Value = (Vec<Step>, bool)> {
    let step = prop_oneof![
        4 => Just(Step::Send),
        1 => any::<usize>().prop_map(Step::GiveUp),
        4 => (any::<usize>(), any::<bool>()).prop_map(|(which, well)| Step::Answer(which, well)),
        2 => Just(Step::Event),
        1 => Just(Step::Stray),
        1 => (1_usize..20).prop_map(Step::Chunk),
    ];
    (prop::collection::vec(step, 0..60), any::<bool>())
}

/// A command that was sent.
struct Sent {
    name: String,
    /// None: given up.
    execution: Option<Execution>,
    /// What it will be told; `None`: its reply has not been sent.
    told: Option<Result<String, String>>,
}

async fn play(steps: Vec<Step>, closed_by_server: bool) -> Result<(), TestCaseError> {
    let (client, mut server) = session_with(Client::builder()).await;
    let mut events = client.events_with(Delivery::Lossless { room: 1 << 20 }, |_| true);
    let (mut sent, mut unanswered, mut event_count) = (Vec::<Sent>::new(), Vec::<(u64, usize)>::new(), 0);
    let mut chunk = usize::MAX;
    for step in steps {
        match step {
            Step::Send => {
                let name = format!("c{}", sent.len());
                let execution = start(&client, &name).await;
                let (heard, id) = server.hear_command().await;
                prop_assert_eq!(&heard, &name);
                prop_assert!(unanswered.iter().all(|(other, _)| *other != id), "the id {} is in use", id);
                let smallest = (1..=sent.len() as u64 + 1).find(|id| unanswered.iter().all(|(other, _)| other != id));
                // One whose reply is on its way may still hold a smaller one.
                prop_assert!(Some(id) >= smallest);
                unanswered.push((id, sent.len()));
                sent.push(Sent { name, execution: Some(execution), told: None });
            }
            Step::GiveUp(which) if !sent.is_empty() => {
                let which = which % sent.len();
                sent[which].execution = None;
            }
            Step::Answer(which, well) if !unanswered.is_empty() => {
                let (id, index) = unanswered.remove(which % unanswered.len());
                let name = sent[index].name.clone();
                let text = if well {
                    format!(r#"{{"return": "{name}", "id": {id}}}"#)
                } else {
                    format!(r#"{{"id": {id}, "error": {{"class": "C", "desc": "{name}"}}}}"#)
                };
                sent[index].told = Some(if well { Ok(format!("\"{name}\"")) } else { Err(format!("C: {name}")) });
                say(&mut server, &text, chunk).await;
            }
            Step::Event => {
                event_count += 1;
                say(&mut server, r#"{"event": "E", "data": {"id": 1, "return": 1}}"#, chunk).await;
            }
            Step::Stray => say(&mut server, r#"{"return": "stray", "id": 1000}"#, chunk).await,
            Step::Chunk(size) => chunk = size,
            Step::GiveUp(_) | Step::Answer(..) => {}
        }
    }
    if closed_by_server {
        drop(server);
    } else {
        // What has been said is read before it ends from this side.
        let execution = start(&client, "last").await;
        let (_, id) = server.hear_command().await;
        say(&mut server, &format!(r#"{{"return": 0, "id": {id}}}"#), chunk).await;
        prop_assert_eq!(answer(execution).await, Ok("0".to_owned()));
        super::within(client.disconnect()).await.unwrap();
    }
    for command in sent {
        let Some(execution) = command.execution else { continue };
        let answer = answer(execution).await;
        match command.told {
            Some(told) => prop_assert_eq!(answer, told),
            None => prop_assert!(answer.unwrap_err().contains("is unknown"), "{}", command.name),
        }
    }
    prop_assert_eq!(events.try_batch().events.len(), event_count);
    Ok(())
}

async fn say(server: &mut Server, text: &str, chunk: usize) {
    for part in text.as_bytes().chunks(chunk.min(text.len())) {
        server.say(part).await;
        tokio::task::yield_now().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn each_command_has_exactly_one_outcome((steps, closed_by_server) in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(play(steps, closed_by_server))?;
    }
}
