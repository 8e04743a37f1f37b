//! All jobs of a session, those that have ended among them.

use std::collections::{HashMap, HashSet, VecDeque};

use super::job::End;
use super::wire::{self, BlockJobEvent, BlockJobInfo, JobInfo, StatusChange};
use super::{Job, Status};
use crate::message::Event;

/// How many jobs that have ended are remembered; and how many others at most.
pub const REMEMBERED: usize = 1000;

/// The longest `data` of an event that is looked at, and the longest text that is kept of an answer, in bytes: those of a
/// real QEMU have some hundred, and what a hostile one sends is kept for long.
const LONGEST: usize = 16 * 1024;

/// The jobs of one session, by id. If an id is used again, the last job counts.
///
/// Feed it every event in the order of their coming, and the answers to queries with what [`latest`](Self::latest) was when they were
/// asked: QEMU may take an answer together, send events, and send the answer after them (as 7.2 does with `query-jobs`), so what is about a
/// job does not overrule an event that has come since.
#[derive(Debug, Default)]
pub struct Jobs {
    known: HashMap<String, Job>,
    /// Those that are gone, the oldest first, with their numbers: an id may have been used again.
    gone: VecDeque<(u64, String)>,
    /// How many were heard of.
    count: u64,
    /// The arrival of the last event about one.
    latest: u64,
}

impl Jobs {
    /// The job of this id, or the last one that had it.
    pub fn get(&self, id: &str) -> Option<&Job> {
        self.known.get(id)
    }

    /// All of them, in the order in which they were heard of first.
    pub fn all(&self) -> Vec<&Job> {
        let mut all: Vec<_> = self.known.values().collect();
        all.sort_unstable_by_key(|job| job.number);
        all
    }

    /// The arrival of the last event about a job: how old an answer may be whose question is asked now.
    pub fn latest(&self) -> u64 {
        self.latest
    }

    /// Forgets everything: another peer may be there now.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Something happened; whether it is about a job.
    pub fn on_event(&mut self, event: &Event) -> bool {
        let name = event.name();
        if !super::concerns_jobs(&name) {
            return false;
        }
        let Some(data) = event.data().filter(|data| data.len() <= LONGEST) else { return false };
        if name == wire::STATUS_CHANGE {
            match serde_json::from_slice::<StatusChange<'_>>(&data) {
                Ok(change) => self.on_status(&change, event.arrival()),
                Err(_) => return false,
            }
        } else {
            match serde_json::from_slice::<BlockJobEvent<'_>>(&data) {
                Ok(told) => self.on_block_job(&name, &told, event.arrival()),
                Err(_) => return false,
            }
        }
        true
    }

    /// What `query-jobs` returned that was asked when the latest event was `asked`. False: that is not what it returns.
    pub fn on_query_jobs(&mut self, result: &[u8], asked: u64) -> bool {
        let Ok(infos) = serde_json::from_slice::<Vec<JobInfo<'_>>>(result) else { return false };
        for info in infos.iter().take(REMEMBERED) {
            self.on_listed(&info.id, asked, |job| {
                job.kind = Some(kept(&info.kind));
                job.progress = info.progress().or(job.progress);
                job.on_asked(Status::from(&*kept(&info.status)), info.error.as_deref());
            });
        }
        self.on_missing(asked, &infos.iter().map(|info| info.id.as_ref()).collect());
        true
    }

    /// What `query-block-jobs` returned, likewise. It lists block jobs only, so the absence of another one tells nothing
    /// unless `are_all`: the peer has no `query-jobs`.
    pub fn on_query_block_jobs(&mut self, result: &[u8], asked: u64, are_all: bool) -> bool {
        let Ok(infos) = serde_json::from_slice::<Vec<BlockJobInfo<'_>>>(result) else { return false };
        for info in infos.iter().take(REMEMBERED) {
            self.on_listed(&info.device, asked, |job| {
                job.kind = Some(kept(&info.kind));
                job.progress = info.progress().or(job.progress);
                job.on_asked(info.status(), info.error.as_deref());
                job.io_error = info.io_status.as_deref().is_some_and(|status| status != "ok");
            });
        }
        if are_all {
            self.on_missing(asked, &infos.iter().map(|info| info.device.as_ref()).collect());
        }
        true
    }

    fn on_status(&mut self, change: &StatusChange<'_>, arrival: u64) {
        let status = Status::from(change.status.as_ref());
        if status == Status::Null && self.known.get(change.id.as_ref()).is_some_and(Job::is_gone) {
            return;
        }
        // An id can be used again as soon as its last job is gone.
        if status == Status::Created || self.known.get(change.id.as_ref()).is_some_and(Job::is_gone) {
            self.known.remove(change.id.as_ref());
        }
        self.latest = self.latest.max(arrival);
        let job = self.job(&change.id);
        job.heard = arrival;
        job.io_error &= status == Status::Paused || status == Status::Standby;
        job.aborted |= status == Status::Aborting;
        job.was_asked = false;
        if status == Status::Null {
            self.on_gone(&change.id);
        } else {
            job.status = Some(status);
        }
    }

    fn on_block_job(&mut self, name: &str, told: &BlockJobEvent<'_>, arrival: u64) {
        let end = match name {
            wire::COMPLETED => Some(End::Completed),
            wire::CANCELLED => Some(End::Cancelled),
            wire::READY | wire::PENDING | wire::ERROR => None,
            _ => return,
        };
        if self.known.get(told.device.as_ref()).is_some_and(Job::is_gone) {
            // Without JOB_STATUS_CHANGE nothing tells that an id is used again.
            self.known.remove(told.device.as_ref());
        }
        self.latest = self.latest.max(arrival);
        let job = self.job(&told.device);
        job.heard = arrival;
        if let Some(kind) = &told.kind {
            job.kind = Some(kind.as_ref().to_owned());
        }
        job.progress = told.progress().or(job.progress);
        if name == wire::ERROR {
            job.io_error = told.action.as_deref() == Some("stop");
        }
        if let Some(error) = &told.error {
            job.error = Some(error.as_ref().to_owned());
        }
        job.end = end.or(job.end);
        // Nothing else would tell, before QEMU 3.0.
        if end.is_some() && job.status.is_none() {
            self.on_gone(&told.device);
        }
    }

    /// A query lists a job; `update` has what it says, unless that may be older than what is known.
    fn on_listed(&mut self, id: &str, asked: u64, update: impl FnOnce(&mut Job)) {
        let known = self.known.get(id);
        if id.len() > LONGEST || known.is_some_and(|job| job.heard > asked) {
            return;
        }
        if known.is_some_and(Job::is_gone) {
            // Another one of that id, whose begin was not seen.
            self.known.remove(id);
        }
        let job = self.job(id);
        job.heard = asked;
        update(job);
    }

    /// What a query does not list any more has ended.
    fn on_missing(&mut self, asked: u64, listed: &HashSet<&str>) {
        let missing = |job: &&Job| !job.gone && job.heard <= asked && !listed.contains(job.id.as_str());
        let ids: Vec<String> = self.known.values().filter(missing).map(|job| job.id.clone()).collect();
        for id in ids {
            self.on_gone(&id);
        }
    }

    /// The job of this id; a new one if there is none.
    fn job(&mut self, id: &str) -> &mut Job {
        if !self.known.contains_key(id) && self.known.len() >= 2 * REMEMBERED {
            let oldest = self.known.values().filter(|job| !job.gone).min_by_key(|job| job.number);
            if let Some(oldest) = oldest.map(|job| job.id.clone()) {
                self.known.remove(&oldest);
            }
        }
        let count = &mut self.count;
        self.known.entry(id.to_owned()).or_insert_with(|| {
            *count += 1;
            Job::new(id, *count)
        })
    }

    fn on_gone(&mut self, id: &str) {
        let Some(job) = self.known.get_mut(id) else { return };
        job.gone = true;
        self.gone.push_back((job.number, job.id.clone()));
        while self.gone.len() > REMEMBERED {
            let Some((number, id)) = self.gone.pop_front() else { return };
            if self.known.get(&id).is_some_and(|job| job.number == number) {
                self.known.remove(&id);
            }
        }
    }
}

/// The beginning of a text that is kept.
pub(super) fn kept(text: &str) -> String {
    text[..text.floor_char_boundary(LONGEST)].to_owned()
}

impl Job {
    fn on_asked(&mut self, status: Status, error: Option<&str>) {
        self.aborted |= status == Status::Aborting;
        self.was_asked = true;
        self.io_error &= status == Status::Paused || status == Status::Standby;
        self.status = Some(status);
        if let Some(error) = error {
            self.error = Some(kept(error));
        }
    }
}

impl BlockJobInfo<'_> {
    /// What it is at; before QEMU 2.12 from its flags.
    fn status(&self) -> Status {
        match &self.status {
            Some(status) => Status::from(&*kept(status)),
            None => match (self.paused, self.ready) {
                (false, false) => Status::Running,
                (false, true) => Status::Ready,
                (true, false) => Status::Paused,
                (true, true) => Status::Standby,
            },
        }
    }
}

#[cfg(test)]
#[path = "memory_tests.rs"]
mod tests;
