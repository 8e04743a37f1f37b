//! Jobs, migrations and programs in the guest, waited for with the library, on real QEMUs and a real agent.

use qmpsh::address::Address;
use qmpsh::client::{Client, ExecuteError, GuestExecError, GuestStatus, JobError, MigrationError};
use qmpsh::policy::Policy;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::within;
use crate::support::agent::Agent;
use crate::support::{DEADLINE, Qemu};

/// A QEMU with disks to copy: `full` to `copy`, and `bad`, which cannot be read.
fn qemu() -> Qemu {
    let disks = [
        "driver=null-co,node-name=full,size=4194304,read-zeroes=on",
        "driver=null-co,node-name=copy,size=4194304",
        "driver=blkdebug,node-name=bad,image.driver=null-co,image.size=4194304,\
         inject-error.0.event=none,inject-error.0.iotype=read",
    ];
    Qemu::none().args(disks.iter().flat_map(|disk| ["-blockdev", disk])).second_monitor().start()
}

async fn client(qemu: &Qemu) -> Client {
    within(Client::connect(Address::Unix(qemu.socket()))).await.unwrap()
}

/// Starts a job that copies a disk, so fast or so slow.
async fn copy(client: &Client, disk: &str, arguments: Value) {
    let mut all = json!({"job-id": "b1", "device": disk, "target": "copy", "sync": "full"});
    all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
    client.call::<()>("blockdev-backup", all).await.unwrap();
}

async fn jobs(client: &Client) -> usize {
    client.call::<Vec<Value>>("query-jobs", ()).await.unwrap().len()
}

#[tokio::test]
async fn a_job_is_waited_for_also_when_it_is_over() {
    let qemu = qemu();
    let client = client(&qemu).await;
    copy(&client, "full", json!({})).await;
    let job = within(client.job("b1").wait()).await.unwrap();
    assert_eq!((&*job.id, job.is_gone()), ("b1", true));
    // This session has seen its end.
    within(client.job("b1").wait()).await.unwrap();
    // One that would stay is dismissed.
    copy(&client, "full", json!({"auto-dismiss": false})).await;
    within(client.job("b1").wait()).await.unwrap();
    assert_eq!(jobs(&client).await, 0);
}

#[tokio::test]
async fn a_client_that_may_dismiss_nothing_can_wait_for_a_job() {
    let qemu = qemu();
    let owner = client(&qemu).await;
    let policy = Policy { read_only: true, ..Policy::default() };
    let reader = within(Client::builder().policy(policy).connect(Address::Unix(qemu.second_socket()))).await.unwrap();
    copy(&owner, "full", json!({"auto-dismiss": false})).await;
    let job = within(reader.job("b1").wait()).await.unwrap();
    assert!(!job.is_gone());
    assert_eq!(jobs(&owner).await, 1);
}

#[tokio::test]
async fn a_job_that_does_not_succeed_is_an_error_that_says_why() {
    let qemu = qemu();
    let client = client(&qemu).await;
    for dismissed in [true, false] {
        copy(&client, "bad", json!({"auto-dismiss": dismissed})).await;
        let error = within(client.job("b1").wait()).await.unwrap_err();
        assert_eq!(error.to_string(), "the job `b1` failed: Input/output error");
        assert!(matches!(error, JobError::Failed { .. }));
        assert_eq!(jobs(&client).await, 0);
    }
    copy(&client, "full", json!({"speed": 1})).await;
    let mut handle = client.job("b1");
    let state = within(handle.next()).await.unwrap().unwrap();
    assert!(state.outcome().is_none());
    // A wait that is given up leaves the job alone.
    assert!(tokio::time::timeout(std::time::Duration::ZERO, client.job("b1").wait()).await.is_err());
    client.call::<()>("job-cancel", json!({"id": "b1"})).await.unwrap();
    let error = within(async {
        loop {
            if let Err(error) = handle.next().await {
                return error;
            }
        }
    });
    assert!(matches!(error.await, JobError::Cancelled { .. }));
    assert!(within(handle.next()).await.unwrap().is_none(), "there is nothing more");
    let error = within(client.job("none").wait()).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no job `none`, or it ended before this session began");
}

#[tokio::test]
async fn a_wait_ends_with_qemu() {
    let qemu = qemu();
    let client = client(&qemu).await;
    copy(&client, "full", json!({"speed": 1})).await;
    let wait = tokio::spawn(client.job("b1").wait());
    let mut events = client.events(["*"]);
    qemu.signal(Signal::KILL);
    let error = within(wait).await.unwrap().unwrap_err();
    assert!(
        matches!(error, JobError::Execute(ExecuteError::Interrupted { .. } | ExecuteError::NotSent { .. })),
        "{error:?}"
    );
    assert!(within(events.next()).await.is_none());
}

#[tokio::test]
async fn a_migration_is_waited_for() {
    let qemu = Qemu::q35().start();
    let client = client(&qemu).await;
    let error = within(client.migration().wait()).await.unwrap_err();
    assert!(matches!(error, MigrationError::NotStarted), "{error:?}");
    client.call::<()>("migrate", json!({"uri": "exec:exit 3"})).await.unwrap();
    let error = within(client.migration().wait()).await.unwrap_err();
    assert!(matches!(error, MigrationError::Failed { .. }), "{error:?}");
    client.call::<()>("migrate", json!({"uri": "exec:cat >/dev/null"})).await.unwrap();
    for _ in 0..2 {
        let migration = within(client.migration().wait()).await.unwrap();
        assert!(migration.downtime.is_some(), "{migration:?}");
    }
}

#[tokio::test]
async fn a_program_in_the_guest_gives_its_output_and_its_status() {
    let agent = Agent::start();
    let client = within(Client::builder().guest_agent(true).connect(Address::Unix(agent.socket()))).await.unwrap();
    let output = within(client.guest_exec("sh", ["-c", "cat; echo out; echo err >&2; exit 3"])).await.unwrap();
    assert_eq!((&*output.stdout, &*output.stderr), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!((output.status, output.success()), (GuestStatus::Exited(3), false));
    let output = within(client.guest_exec("sh", ["-c", "kill -9 $$"])).await.unwrap();
    assert_eq!(output.status, GuestStatus::Signaled(9));
    let error = within(client.guest_exec("/no/such", [""; 0])).await.unwrap_err();
    assert!(matches!(error, GuestExecError::Execute(ExecuteError::Server { .. })), "{error:?}");
    // The next one works, also beside one that takes long.
    let mut slow = within(client.guest_start("sleep", ["600"])).await.unwrap();
    assert!(within(client.guest_exec("true", [""; 0])).await.unwrap().success());
    let kill = format!("kill {}", slow.pid());
    let (killed, slow) =
        tokio::time::timeout(DEADLINE * 2, async { tokio::join!(client.guest_exec("sh", ["-c", &kill]), slow.wait()) })
            .await
            .unwrap();
    assert!(killed.unwrap().success());
    assert_eq!(slow.unwrap().status, GuestStatus::Signaled(15));
}
