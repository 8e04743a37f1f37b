//! The names that exist at the peer, for Tab.
//!
//! The editor's thread waits for an answer for at most a third of a second; a task on the runtime sends the queries. An answer is
//! kept until an event or a command may have changed it. If the peer is too slow, the last answer is shown, and the next key gets
//! the new one.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fs::DirEntry;
use std::future::Future;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Handle;

use super::replies;
use crate::connect::list;
use crate::output::natural;
use crate::session::queries::{self, QomName, QomPath, Query};
use crate::session::{SeenEvents, Session, qom_types};
use qmpsh::client::{Client, ExecuteError};
use qmpsh::language::complete::{Live, LiveValue, Question};

/// How long Tab waits for the peer.
const PATIENCE: Duration = Duration::from_millis(300);

/// How many answers are kept.
const MOST_ANSWERS: usize = 500;

/// Where added devices are in the object model: those with an id, and those without.
const ADDED: [&str; 2] = ["/machine/peripheral", "/machine/peripheral-anon"];

/// Where the built-in devices of the machine are.
const BUILT_IN: &str = "/machine/unattached";

const OBJECTS: &str = "/objects";

/// How many objects are looked at for buses.
const MOST_LISTED: usize = 500;

/// Types of which a machine has many, and which have no bus.
const HAS_NO_BUS: [&str; 3] = ["irq", "memory-region", "clock"];

type Values = Vec<LiveValue>;

/// Asks the peer for values and keeps the answers.
#[derive(Debug)]
pub(super) struct LiveValues {
    client: Client,
    runtime: Handle,
    seen: Arc<SeenEvents>,
    /// How many commands may have changed the values.
    commands: AtomicU64,
    answers: Mutex<HashMap<Question, Answer>>,
    answered: Condvar,
}

#[derive(Debug, Default)]
struct Answer {
    values: Values,
    age: u64,
    /// The query was sent.
    is_pending: bool,
}

impl LiveValues {
    /// Call it on the runtime, which sends the queries.
    pub(super) fn new(session: &Session) -> Arc<Self> {
        let (client, seen) = (session.client.clone(), Arc::clone(&session.seen));
        let (commands, answers, answered) = (AtomicU64::new(0), Mutex::default(), Condvar::new());
        Arc::new(Self { client, runtime: Handle::current(), seen, commands, answers, answered })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Makes all answers old: what exists may have changed.
    pub(super) fn invalidate(&self) {
        self.commands.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how many events and commands there have been.
    fn age(&self) -> u64 {
        self.seen.event_count() + self.commands.load(Ordering::Relaxed)
    }

    fn answers(&self) -> MutexGuard<'_, HashMap<Question, Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the answer until `end`, and then returns the last answer.
    fn ask(self: &Arc<Self>, question: &Question, end: Instant) -> Values {
        let age = self.age();
        let mut answers = self.answers();
        let unknown = || Answer { age: age.wrapping_sub(1), ..Answer::default() };
        let answer = answers.entry(question.clone()).or_insert_with(unknown);
        if answer.age == age && !answer.is_pending {
            return answer.values.clone();
        }
        if !std::mem::replace(&mut answer.is_pending, true) {
            self.runtime.spawn(Arc::clone(self).request(question.clone()));
        }
        let left = end.saturating_duration_since(Instant::now());
        let is_pending =
            |answers: &mut HashMap<Question, Answer>| answers.get(question).is_some_and(|answer| answer.is_pending);
        let waited = self.answered.wait_timeout_while(answers, left, is_pending);
        let (answers, _) = waited.unwrap_or_else(PoisonError::into_inner);
        answers.get(question).map(|answer| answer.values.clone()).unwrap_or_default()
    }

    /// Asks the peer and keeps its answer.
    async fn request(self: Arc<Self>, question: Question) {
        // The answer may not include changes that happen meanwhile.
        let age = self.age();
        let found = ask(&self.client, &question).await;
        let mut answers = self.answers();
        if answers.len() > MOST_ANSWERS {
            answers.clear();
        }
        let answer = match found {
            Some(values) => Answer { values, age, is_pending: false },
            // Without an answer, as from a closed connection, the next key asks again.
            None => Answer { age: age.wrapping_sub(1), ..Answer::default() },
        };
        answers.insert(question, answer);
        self.answered.notify_all();
    }
}

/// The questions of one key, with one time limit for all.
#[derive(Debug)]
pub(super) struct WithDeadline<'a> {
    values: &'a Arc<LiveValues>,
    end: Instant,
}

impl<'a> WithDeadline<'a> {
    pub(super) fn new(values: &'a Arc<LiveValues>) -> Self {
        Self { values, end: Instant::now() + PATIENCE }
    }
}

impl Live for WithDeadline<'_> {
    fn values(&self, question: &Question) -> Values {
        match question {
            Question::Files(directory) => files(directory, |_| true),
            Question::Sockets(directory) => files(directory, |file| {
                file.metadata().is_ok_and(|found| found.is_dir() || found.file_type().is_socket())
            }),
            // A socket of this machine leads to a peer on this machine.
            Question::PeerFiles(directory) if self.values.client.passes_descriptors() => files(directory, |_| true),
            Question::PeerFiles(_) => Vec::new(),
            Question::Vms => list::names_of_free().into_iter().map(|(name, about)| LiveValue { name, about }).collect(),
            Question::Buses(Some(driver)) => {
                qom_types::buses_for(driver, self.values.ask(&Question::Buses(None), self.end))
            }
            Question::PropertiesOfType(ty) => qom_types::properties(ty, self.values.ask(question, self.end)),
            Question::DeviceTypes => qom_types::devices(self.values.ask(question, self.end)),
            Question::Types => qom_types::all(self.values.ask(question, self.end)),
            question => self.values.ask(question, self.end),
        }
    }
}

/// Lists those files of a directory of this machine for which `is_wanted` returns true, by name.
fn files(directory: &str, is_wanted: fn(&Path) -> bool) -> Values {
    let path = if directory.is_empty() { "." } else { directory };
    let Ok(entries) = std::fs::read_dir(path) else { return Vec::new() };
    let name = |entry: DirEntry| {
        let name = entry.file_name().into_string().ok().filter(|_| is_wanted(&entry.path()))?;
        Some(if entry.path().is_dir() { name + "/" } else { name })
    };
    let mut names: Vec<String> = entries.filter_map(|entry| name(entry.ok()?)).collect();
    names.sort_by(|a, b| natural::compare(a, b));
    names.into_iter().map(|name| LiveValue { name, about: String::new() }).collect()
}

/// Asks the peer; `None` if it does not answer.
async fn ask(client: &Client, question: &Question) -> Option<Values> {
    let one =
        |query: Query, read: fn(&[u8]) -> Values| async move { send(client, query).await.map(|reply| read(&reply)) };
    match question {
        Question::Drives => one(Query::BlockStats, replies::drives).await,
        Question::BlockDevices => one(Query::BlockStats, replies::block_devices).await,
        Question::Nodes => nodes(client).await,
        Question::Bitmaps(node) => bitmaps(client, node.as_deref()).await,
        Question::Exports => one(Query::BlockExports, replies::exports).await,
        Question::Jobs => {
            let mut jobs = one(Query::Jobs, replies::jobs).await?;
            let block_jobs = one(Query::BlockJobs, replies::block_jobs).await.unwrap_or_default();
            // Later ones of the same name are dropped.
            jobs.extend(block_jobs);
            let mut names = HashSet::new();
            jobs.retain(|job| names.insert(job.name.clone()));
            Some(jobs)
        }
        Question::Devices => list(client, ADDED[0]).await.map(replies::children),
        Question::Objects => list(client, OBJECTS).await.map(replies::children),
        Question::Chardevs => one(Query::Chardevs, replies::chardevs).await,
        Question::Netdevs => one(Query::HmpInfoNetwork, replies::netdevs).await,
        Question::DeviceTypes => {
            let mut types = types_at(client, &ADDED).await?;
            types.extend(one(Query::HotpluggableCpus, replies::cpu_types).await.unwrap_or_default());
            Some(types)
        }
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
        Question::Nics => one(Query::HmpInfoNetwork, replies::nics).await,
        Question::Buses(_) => buses(client).await,
        Question::AnonymousDevices => {
            let children = list(client, ADDED[1]).await.map(replies::children)?;
            let at = |child: LiveValue| LiveValue { name: format!("{}/{}", ADDED[1], child.name), ..child };
            Some(children.into_iter().map(at).collect())
        }
        Question::Cpus => one(Query::HotpluggableCpus, replies::cpus).await,
        Question::CpuPlaces(ty) => {
            send(client, Query::HotpluggableCpus).await.map(|cpus| replies::cpu_places(&cpus, ty))
        }
        Question::TraceEvents => one(Query::TraceEvents, replies::trace_events).await,
        // These are of this machine.
        Question::Files(_) | Question::PeerFiles(_) | Question::Sockets(_) | Question::Vms => None,
    }
}

/// Lists the dirty bitmaps of a node, or of a block device by its name.
async fn bitmaps(client: &Client, node: Option<&str>) -> Option<Values> {
    let nodes = send(client, Query::NamedBlockNodes).await?;
    let found = replies::bitmaps(&nodes, node);
    let Some(drive) = node.filter(|_| found.is_empty()) else { return Some(found) };
    let drives = send(client, Query::BlockStats).await.unwrap_or_default();
    let node = replies::node_of_drive(&drives, drive);
    Some(node.map_or(found, |node| replies::bitmaps(&nodes, Some(&node))))
}

/// Lists the nodes of the block graph.
async fn nodes(client: &Client) -> Option<Values> {
    match queries::ask(client, &Query::BlockGraph).await {
        Err(ExecuteError::Server { class, .. }) if class == "CommandNotFound" => {
            send(client, Query::NamedBlockNodes).await.map(|reply| replies::nodes(&reply))
        }
        graph => Some(replies::nodes_of_graph(&graph.ok()?.result()?)),
    }
}

/// Lists the types of the objects at these paths. A storage daemon lacks some of the paths.
async fn types_at(client: &Client, paths: &[&str]) -> Option<Values> {
    let mut types = None;
    for path in paths {
        if let Some(listed) = list(client, path).await {
            types.get_or_insert_with(Vec::new).extend(replies::types(listed));
        }
    }
    types
}

/// Finds the buses below the machine. Those that take devices while the VM runs come first, and of these the empty ones.
async fn buses(client: &Client) -> Option<Values> {
    let mut found = Vec::new();
    let mut paths = VecDeque::from([("/machine".to_owned(), String::new())]);
    for _ in 0..MOST_LISTED {
        let Some((path, ty)) = paths.pop_front() else { break };
        let Some(listed) = list(client, &path).await else { continue };
        let (parent, name) = path.rsplit_once('/').unwrap_or_default();
        match replies::on_bus(&listed) {
            // Each has one device, which came with it, and none of its own can be added.
            Some(_) if name == "virtio-bus" || ty == "System" => {}
            Some(mut on_it) => {
                on_it.dedup();
                let of = parent.rsplit_once('/').map_or(parent, |(_, of)| of);
                let is_empty = on_it.is_empty();
                let on_it = if is_empty { "empty".to_owned() } else { on_it.join(", ") };
                let is_fixed = is_fixed(client, &path, &listed).await;
                let note = if is_fixed { ", no hot-plug" } else { "" };
                let bus = LiveValue { name: name.to_owned(), about: format!("{ty} of {of}{note}: {on_it}") };
                found.push(((is_fixed, !is_empty), bus));
            }
            None => {
                let children = replies::children(listed).into_iter();
                let below = children.filter(|child| !HAS_NO_BUS.contains(&child.about.as_str()));
                paths.extend(below.map(|child| (format!("{path}/{}", child.name), child.about)));
            }
        }
    }
    found.sort_by_key(|(order, _)| *order);
    Some(found.into_iter().map(|(_, bus)| bus).collect())
}

/// Returns true if the bus at `path`, which has these properties, takes no devices while QEMU runs.
///
/// Source: docs/qmp.md, "Introspection".
async fn is_fixed(client: &Client, path: &str, listed: &Values) -> bool {
    let Some((at, name)) = QomPath::new(path).zip(QomName::of("hotplug-handler", "link<>")) else { return false };
    let reply = send(client, Query::QomReference(at, name)).await;
    let Some(handler) = reply.and_then(|reply| serde_json::from_slice::<String>(&reply).ok()) else { return false };
    // ACPI plugs only where it has numbered the bus.
    let is_numbered = listed.iter().any(|property| property.name == "acpi-pcihp-bsel");
    handler.is_empty() || !(path.starts_with(&handler) || is_numbered)
}

/// Lists a path of the object model.
fn list(client: &Client, path: &str) -> impl Future<Output = Option<Values>> {
    let path = QomPath::new(path);
    async move {
        let reply = send(client, Query::QomList(path?)).await?;
        Some(replies::listed(&reply))
    }
}

/// Lists the properties of the first existing device of a type. No device is made for it.
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
