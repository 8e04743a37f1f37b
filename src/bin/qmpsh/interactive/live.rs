//! The names that exist at the peer, for Tab.
//!
//! The editor's thread asks and waits, for a third of a second at most; a task on the runtime sends the queries. An answer is kept
//! until an event or a command may have changed it. If the peer is too slow, the last answer is shown, and the new one is there for
//! the next key.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::{qom_types, replies};
use crate::session::Tracker;
use crate::session::queries::{self, QomPath, Query};
use qmpsh::client::{Client, ExecuteError};
use qmpsh::language::complete::{Live, LiveValue, Question};

/// How long a person who pressed Tab waits for the peer.
const PATIENCE: Duration = Duration::from_millis(300);

/// How many answers are kept.
const MOST_ANSWERS: usize = 500;

/// Where devices are in the object model that were added: those with an id, and those without.
const ADDED: [&str; 2] = ["/machine/peripheral", "/machine/peripheral-anon"];

/// Where those are that belong to the machine.
const BUILT_IN: &str = "/machine/unattached";

const OBJECTS: &str = "/objects";

type Values = Vec<LiveValue>;

/// Asks the peer for values and keeps the answers.
#[derive(Debug)]
pub(super) struct LiveValues {
    client: Client,
    runtime: Handle,
    known: Arc<Known>,
}

/// The answers, and how many events and commands may have changed them.
#[derive(Debug)]
struct Known {
    tracker: Arc<Tracker>,
    commands: AtomicU64,
    answers: Mutex<HashMap<Question, Answer>>,
    answered: Condvar,
}

#[derive(Debug, Default)]
struct Answer {
    values: Values,
    age: u64,
    /// The question is on its way to the peer.
    is_pending: bool,
}

impl Known {
    /// How many events and commands there have been.
    fn age(&self) -> u64 {
        self.tracker.event_count() + self.commands.load(Ordering::Relaxed)
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<Question, Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LiveValues {
    /// To be called on the runtime, which sends the queries.
    pub(super) fn new(client: Client, tracker: Arc<Tracker>) -> Self {
        let known = Known { tracker, commands: AtomicU64::new(0), answers: Mutex::default(), answered: Condvar::new() };
        Self { client, runtime: Handle::current(), known: Arc::new(known) }
    }

    /// Notes that what exists may have changed.
    pub(super) fn invalidate(&self) {
        self.known.commands.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets all answers: another peer may come.
    pub(super) fn forget(&self) {
        self.invalidate();
        self.known.answers().clear();
    }

    /// Waits for the answer until `end`; then the last answer has to do.
    fn ask(&self, question: &Question, end: Instant) -> Values {
        let age = self.known.age();
        let mut answers = self.known.answers();
        let unknown = || Answer { age: age.wrapping_sub(1), ..Answer::default() };
        let answer = answers.entry(question.clone()).or_insert_with(unknown);
        if answer.age == age && !answer.is_pending {
            return answer.values.clone();
        }
        if !std::mem::replace(&mut answer.is_pending, true) {
            self.runtime.spawn(request(self.client.clone(), Arc::clone(&self.known), question.clone()));
        }
        let left = end.saturating_duration_since(Instant::now());
        let is_pending =
            |answers: &mut HashMap<Question, Answer>| answers.get(question).is_some_and(|answer| answer.is_pending);
        let waited = self.known.answered.wait_timeout_while(answers, left, is_pending);
        let (answers, _) = waited.unwrap_or_else(PoisonError::into_inner);
        answers.get(question).map(|answer| answer.values.clone()).unwrap_or_default()
    }
}

/// The questions of one key, which share one time limit.
#[derive(Debug)]
pub(super) struct WithDeadline<'a> {
    values: &'a LiveValues,
    end: Instant,
}

impl<'a> WithDeadline<'a> {
    pub(super) fn new(values: &'a LiveValues) -> Self {
        Self { values, end: Instant::now() + PATIENCE }
    }
}

impl Live for WithDeadline<'_> {
    fn values(&self, question: &Question) -> Values {
        match question {
            Question::Files(directory) => files(directory),
            Question::DeviceTypes => qom_types::devices(self.values.ask(question, self.end)),
            Question::Types => qom_types::all(self.values.ask(question, self.end)),
            question => self.values.ask(question, self.end),
        }
    }
}

/// What is in a directory of this machine, by name.
fn files(directory: &str) -> Values {
    let path = if directory.is_empty() { "." } else { directory };
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let mut name = entry.file_name().into_string().ok()?;
            if entry.path().is_dir() {
                name.push('/');
            }
            Some(name)
        })
        .collect();
    names.sort();
    names.into_iter().map(|name| LiveValue { name, about: String::new() }).collect()
}

/// Asks the peer and keeps its answer.
async fn request(client: Client, known: Arc<Known>, question: Question) {
    // What changes while the peer answers may not be in the answer.
    let age = known.age();
    let found = ask(&client, &question).await;
    let mut answers = known.answers();
    if answers.len() > MOST_ANSWERS {
        answers.clear();
    }
    let answer = match found {
        Some(values) => Answer { values, age, is_pending: false },
        // Without an answer, as from a connection that is gone, the next key asks again.
        None => Answer { age: age.wrapping_sub(1), ..Answer::default() },
    };
    answers.insert(question, answer);
    known.answered.notify_all();
}

/// What the peer says; `None` if it does not.
async fn ask(client: &Client, question: &Question) -> Option<Values> {
    let one =
        |query: Query, read: fn(&[u8]) -> Values| async move { send(client, query).await.map(|reply| read(&reply)) };
    match question {
        Question::Drives => one(Query::BlockStats, replies::drives).await,
        Question::Nodes => nodes(client).await,
        Question::Bitmaps(node) => bitmaps(client, node.as_deref()).await,
        Question::Exports => one(Query::BlockExports, replies::exports).await,
        Question::Jobs => {
            let mut jobs = one(Query::Jobs, replies::jobs).await?;
            let block_jobs = one(Query::BlockJobs, replies::block_jobs).await.unwrap_or_default();
            jobs.extend(
                block_jobs
                    .into_iter()
                    .filter(|block| jobs.iter().all(|job| job.name != block.name))
                    .collect::<Vec<_>>(),
            );
            Some(jobs)
        }
        Question::Devices => list(client, ADDED[0]).await.map(replies::children),
        Question::Objects => list(client, OBJECTS).await.map(replies::children),
        Question::Chardevs => one(Query::Chardevs, replies::chardevs).await,
        Question::Netdevs => one(Query::HmpInfoNetwork, replies::netdevs).await,
        Question::DeviceTypes => types_at(client, &ADDED).await,
        Question::Types => types_at(client, &[ADDED[0], ADDED[1], BUILT_IN, OBJECTS]).await,
        Question::Children(path) => list(client, path).await.map(replies::steps),
        Question::Properties(path) => list(client, path).await.map(replies::properties),
        Question::PropertiesOfType(ty) => properties_of_type(client, ty).await,
        Question::Hmp(None) => one(Query::HmpHelp, replies::hmp_commands).await,
        Question::Hmp(Some(command)) => match command.as_str() {
            "info" => one(Query::HmpHelpInfo, replies::hmp_info).await,
            "help" => one(Query::HmpHelp, replies::hmp_commands).await,
            _ => Some(Vec::new()),
        },
        Question::Files(_) => None,
    }
}

/// The dirty bitmaps of a node, or of a block device by its name.
async fn bitmaps(client: &Client, node: Option<&str>) -> Option<Values> {
    let nodes = send(client, Query::NamedBlockNodes).await?;
    let found = replies::bitmaps(&nodes, node);
    let Some(drive) = node.filter(|_| found.is_empty()) else { return Some(found) };
    let drives = send(client, Query::BlockStats).await.unwrap_or_default();
    let node = replies::node_of_drive(&drives, drive);
    Some(node.map_or(found, |node| replies::bitmaps(&nodes, Some(&node))))
}

/// The nodes of the block graph.
async fn nodes(client: &Client) -> Option<Values> {
    match queries::ask(client, &Query::BlockGraph).await {
        Err(ExecuteError::Server { class, .. }) if class == "CommandNotFound" => {
            send(client, Query::NamedBlockNodes).await.map(|reply| replies::nodes(&reply))
        }
        graph => Some(replies::nodes_of_graph(&graph.ok()?.result()?)),
    }
}

/// The types of what is there at these paths, of which a storage daemon lacks some.
async fn types_at(client: &Client, paths: &[&str]) -> Option<Values> {
    let mut types = None;
    for path in paths {
        if let Some(listed) = list(client, path).await {
            types.get_or_insert_with(Vec::new).extend(replies::types(listed));
        }
    }
    types
}

/// What is at a path of the object model.
fn list(client: &Client, path: &str) -> impl Future<Output = Option<Values>> {
    let path = QomPath::new(path);
    async move {
        let reply = send(client, Query::QomList(path?)).await?;
        Some(replies::listed(&reply))
    }
}

/// The properties of the first device of a type that is there: nothing is made to know them.
async fn properties_of_type(client: &Client, ty: &str) -> Option<Values> {
    let wanted = format!("child<{ty}>");
    for parent in [ADDED[0], ADDED[1], BUILT_IN] {
        let children = list(client, parent).await?;
        if let Some(child) = children.into_iter().find(|child| child.about == wanted) {
            return list(client, &format!("{parent}/{}", child.name)).await.map(replies::properties);
        }
    }
    Some(Vec::new())
}

async fn send(client: &Client, query: Query) -> Option<Bytes> {
    queries::ask(client, &query).await.ok()?.result()
}
