//! What each view asks the peer.

use bytes::Bytes;

use super::chardevs::User;
use super::qom::Objects;
use super::tree::Tree;
use super::{block, chardevs, cpus, machines, memory, net, pci};
use crate::session::Frontend;
use crate::session::ask::{self, Answer, PeerError, TimeLimit};
use crate::session::queries::{Listed, QomName, QomPath, Query};
use crate::status::Stop;
use qmpsh::text;

/// A view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct View {
    kind: Kind,
    pub(super) name: &'static str,
    /// What it shows.
    pub(super) about: &'static str,
    /// The queries whose replies it draws.
    queries: &'static [&'static str],
    /// The text in place of an empty view.
    pub(super) nothing: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Block,
    Pci,
    Qom,
    Cpus,
    Net,
    Chardevs,
    Memory,
    Machines,
}

/// All of them, in the order in which they are listed.
pub(super) const VIEWS: [View; 8] = [
    View {
        kind: Kind::Block,
        name: "block",
        about: "disks, their block nodes and backing chains, exports and jobs",
        queries: &["query-block", "query-named-block-nodes", "query-block-exports", "x-debug-query-block-graph"],
        nothing: "There are no block devices and no nodes.",
    },
    View {
        kind: Kind::Pci,
        name: "pci",
        about: "PCI buses, bridges and devices",
        queries: &["query-pci"],
        nothing: "The VM has no PCI bus.",
    },
    View {
        kind: Kind::Qom,
        name: "qom",
        about: "objects below a path, and where their links lead",
        queries: &["qom-list"],
        nothing: "There are no objects.",
    },
    View {
        kind: Kind::Cpus,
        name: "cpus",
        about: "CPUs by sockets and cores, and free slots",
        queries: &["query-cpus-fast", "query-hotpluggable-cpus"],
        nothing: "There are no CPUs.",
    },
    View {
        kind: Kind::Net,
        name: "net",
        about: "network devices and their backends",
        queries: &["query-rx-filter"],
        nothing: "There are no network devices.",
    },
    View {
        kind: Kind::Chardevs,
        name: "chardevs",
        about: "character devices and what uses them",
        queries: &["query-chardev"],
        nothing: "There are no character devices.",
    },
    View {
        kind: Kind::Memory,
        name: "memory",
        about: "memory, memory devices and backends",
        queries: &["query-memory-size-summary", "query-memory-devices", "query-memdev", "query-balloon"],
        nothing: "The VM has no memory.",
    },
    View {
        kind: Kind::Machines,
        name: "machines",
        about: "the machine types of -machine",
        queries: &["query-machines"],
        nothing: "There are no machine types.",
    },
];

/// Returns the view that draws the reply to a query.
pub(in crate::builtins) fn drawn_by(query: &str) -> Option<&'static str> {
    VIEWS.iter().find(|view| view.queries.contains(&query)).map(|view| view.name)
}

/// Where objects are that may use a character device.
const USERS: [&str; 4] = ["/machine/peripheral", "/machine/peripheral-anon", "/machine/unattached", "/objects"];

/// How many objects are looked at, at most.
const MOST_OBJECTS: usize = 500;

/// The levels of `.show qom`.
const LEVELS: usize = 2;

/// Asks the peer, and makes the tree of the view, limited to `what`.
pub(super) async fn ask(frontend: &mut dyn Frontend, view: View, what: Option<&str>) -> Result<Tree, Stop> {
    if frontend.session().client.is_guest_agent() {
        return Err(Stop::failed(format!(
            "cannot show {}: a guest agent knows only the inside of the guest",
            view.name
        )));
    }
    let limit = TimeLimit::new(frontend.session().options.timeout);
    let mut asking = Asking { frontend, view, limit };
    let mut tree = match view.kind {
        Kind::Block => asking.block().await?,
        Kind::Pci => pci::tree(&asking.needed(Query::Pci).await?),
        Kind::Qom => return asking.qom(what).await,
        Kind::Cpus => {
            let cpus = asking.needed(Query::Cpus).await?;
            // A machine without hot-plugging refuses.
            cpus::tree(&cpus, &asking.optional(Query::HotpluggableCpus).await?)
        }
        Kind::Net => net::tree(&asking.needed(Query::HmpInfoNetwork).await?),
        Kind::Chardevs => asking.chardevs().await?,
        Kind::Machines => machines::tree(&asking.needed(Query::Machines).await?),
        Kind::Memory => asking.memory().await?,
    };
    if let Some(what) = what {
        tree.name(what).map_err(|names| not_found(view, what, &names))?;
        if view.kind == Kind::Block {
            tree.add_users();
        }
    }
    Ok(tree)
}

struct Asking<'f> {
    frontend: &'f mut dyn Frontend,
    view: View,
    limit: TimeLimit,
}

impl Asking<'_> {
    async fn query(&mut self, query: Query) -> Result<Answer, Stop> {
        ask::query(self.frontend, query, self.limit, self.view.name).await
    }

    async fn query_all(&mut self, queries: Vec<Query>) -> Result<Vec<Answer>, Stop> {
        ask::query_all(self.frontend, queries, self.limit, self.view.name).await
    }

    /// Asks what the view cannot do without.
    async fn needed(&mut self, query: Query) -> Result<Bytes, Stop> {
        let command = query.request().command().to_owned();
        match self.query(query).await? {
            Ok(reply) => Ok(reply.result().unwrap_or_default()),
            Err(error) if error.is_unknown_command() => Err(self
                .failure(&format!("the peer has no `{command}` (a storage daemon has only block, chardevs and qom)"))),
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// Asks what not every peer has; the reply is empty then.
    async fn optional(&mut self, query: Query) -> Result<Bytes, Stop> {
        Ok(self.query(query).await?.ok().and_then(|reply| reply.result()).unwrap_or_default())
    }

    fn refused(&self, PeerError { class, desc }: &PeerError) -> Stop {
        self.failure(&format!("{}: {}", text::line(class), text::line(desc)))
    }

    fn failure(&self, why: &str) -> Stop {
        Stop::failed(format!("cannot show {}: {why}", self.view.name))
    }

    async fn block(&mut self) -> Result<Tree, Stop> {
        let nodes = self.needed(Query::NamedBlockNodes).await?;
        let graph = self.optional(Query::BlockGraph).await?;
        let drives = self.optional(Query::Block).await?;
        let exports = self.optional(Query::BlockExports).await?;
        let jobs = self.optional(Query::Jobs).await?;
        let replies = block::Replies { graph: &graph, nodes: &nodes, drives: &drives, exports: &exports, jobs: &jobs };
        Ok(block::tree(&replies))
    }

    async fn memory(&mut self) -> Result<Tree, Stop> {
        let summary = self.needed(Query::MemorySize).await?;
        let devices = self.optional(Query::MemoryDevices).await?;
        let backends = self.optional(Query::MemoryBackends).await?;
        let balloon = self.optional(Query::Balloon).await?;
        let own = QomPath::new("/machine").zip(QomName::of("memory-backend", ""));
        let machine = match own {
            Some((path, name)) => self.optional(Query::QomReference(path, name)).await?,
            None => Bytes::new(),
        };
        let replies = memory::Replies {
            summary: &summary,
            devices: &devices,
            backends: &backends,
            balloon: &balloon,
            machine: &machine,
        };
        Ok(memory::tree(&replies))
    }

    async fn chardevs(&mut self) -> Result<Tree, Stop> {
        let chardevs = self.needed(Query::Chardevs).await?;
        let mut objects: Vec<(String, String)> = Vec::new();
        let containers = USERS.map(str::to_owned).to_vec();
        for (container, listed) in self.list(containers).await? {
            for Listed { name, ty } in listed.unwrap_or_default() {
                let ty = ty.strip_prefix("child<").and_then(|ty| ty.strip_suffix('>'));
                // There are many of these, and none has a character device.
                if let Some(ty) = ty.filter(|ty| !matches!(*ty, "irq" | "memory-region" | "smbus-eeprom")) {
                    objects.push((format!("{container}/{name}"), ty.to_owned()));
                }
            }
        }
        let left_out = objects.len().saturating_sub(MOST_OBJECTS);
        objects.truncate(MOST_OBJECTS);
        let listed = self.list(objects.iter().map(|(path, _)| path.clone()).collect()).await?;
        let has_chardev = |listed: &Listed| listed.name == "chardev";
        let mut users = Vec::new();
        let mut queries = Vec::new();
        for ((path, ty), (_, listed)) in objects.into_iter().zip(listed) {
            let property = listed.unwrap_or_default().into_iter().find(has_chardev);
            let name = property.and_then(|property| QomName::of(&property.name, &property.ty));
            if let Some((at, name)) = QomPath::new(&path).zip(name) {
                queries.push(Query::QomReference(at, name));
                users.push(User { path, ty, chardev: String::new() });
            }
        }
        for (user, answer) in users.iter_mut().zip(self.query_all(queries).await?) {
            user.chardev = reference(answer);
        }
        let mut tree = chardevs::tree(&chardevs, users);
        tree.note_left_out(left_out as u64, "objects were not asked for their character devices, so their users");
        Ok(tree)
    }

    async fn qom(&mut self, path: Option<&str>) -> Result<Tree, Stop> {
        let path = match path {
            Some(path) => path,
            None => self.default_path().await?,
        };
        let mut objects = Objects::new(path);
        let mut skipped = 0;
        for level in 0..LEVELS {
            let mut unlisted = objects.level();
            skipped += unlisted.len().saturating_sub(MOST_OBJECTS);
            unlisted.truncate(MOST_OBJECTS);
            let (numbers, paths): (Vec<usize>, Vec<String>) = unlisted.into_iter().unzip();
            for (number, (path, listed)) in numbers.into_iter().zip(self.list(paths).await?) {
                match listed {
                    Ok(listed) => objects.add(number, &path, listed),
                    Err(error) if level == 0 => return Err(self.no_object(&path, &error).await?),
                    // It went meanwhile.
                    Err(_) => {}
                }
            }
        }
        let mut links = Vec::new();
        let mut queries = Vec::new();
        for (number, path, name) in objects.links().into_iter().take(MOST_OBJECTS) {
            if let Some((path, name)) = QomPath::new(&path).zip(QomName::of(&name, "link<")) {
                links.push(number);
                queries.push(Query::QomReference(path, name));
            }
        }
        for (link, answer) in links.into_iter().zip(self.query_all(queries).await?) {
            objects.leads(link, &reference(answer));
        }
        Ok(objects.finish(skipped))
    }

    /// Returns where to begin: a storage daemon has objects, and no machine.
    async fn default_path(&mut self) -> Result<&'static str, Stop> {
        let machine = self.list(vec!["/machine".to_owned()]).await?;
        Ok(if machine.iter().any(|(_, listed)| listed.is_ok()) { "/machine" } else { "/" })
    }

    /// Makes the error for a path that leads to nothing: it names what is near.
    async fn no_object(&mut self, path: &str, error: &PeerError) -> Result<Stop, Stop> {
        let (parent, last) = path.trim_end_matches('/').rsplit_once('/').unwrap_or(("/machine/peripheral", path));
        let parent = if parent.is_empty() { "/" } else { parent };
        let Some((_, Ok(listed))) = self.list(vec![parent.to_owned()]).await?.pop() else {
            return Ok(self.refused(error));
        };
        let mut siblings = Objects::new("");
        siblings.add(0, parent, listed);
        let mut tree = siblings.finish(0);
        let names = tree.name(last).err().unwrap_or_default();
        let at = |name: &String| format!("{}/{name}", parent.trim_end_matches('/'));
        Ok(not_found(self.view, path, &names.iter().map(at).collect::<Vec<_>>()))
    }

    /// Lists objects, each with its path.
    async fn list(&mut self, paths: Vec<String>) -> Result<Vec<(String, Result<Vec<Listed>, PeerError>)>, Stop> {
        let valid: Vec<_> = paths.into_iter().filter_map(|path| Some((QomPath::new(&path)?, path))).collect();
        let queries = valid.iter().map(|(path, _)| Query::QomList(path.clone())).collect();
        let answers = self.query_all(queries).await?;
        let read =
            |answer: Answer| answer.map(|reply| super::replies::list(&reply.result().unwrap_or_default()).entries);
        Ok(valid.into_iter().zip(answers).map(|((_, path), answer)| (path, read(answer))).collect())
    }
}

/// Reads the answer to [`Query::QomReference`]; an empty text if there is none.
fn reference(answer: Answer) -> String {
    let value = answer.ok().and_then(|reply| reply.result());
    value.and_then(|value| serde_json::from_slice(&value).ok()).unwrap_or_default()
}

/// Makes the error for a name that the view does not have.
fn not_found(view: View, what: &str, names: &[String]) -> Stop {
    let what = text::line(what);
    let names: Vec<_> = names.iter().map(|name| format!("`{}`", text::line(name))).collect();
    Stop::failed(match names.as_slice() {
        [] => format!("{} has no `{what}`; it is empty", view.name),
        [name] => format!("{} has no `{what}` (did you mean {name}?)", view.name),
        names => {
            let (view, names) = (view.name, names.join(", "));
            format!("{view} has no `{what}`; `.show {view}` lists what it has, such as {names}")
        }
    })
}
