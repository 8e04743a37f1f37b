//! Sharing a session between threads and with the code that it calls.

use std::sync::{Arc, Mutex};

use qmpsh::protocol::Runstate::{Connecting, Disconnecting, Idle, Running};
use qmpsh::protocol::{Runstate, Session};

use super::link::{Alive, Never, Ready, pair};
use super::{LineProtocol, Lined, Plan, hello, lined, null, seen, within};

fn must_be_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn public_types_are_send_and_sync() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Session<LineProtocol>>();
    within(async {
        let (session, _hearing) = lined(&Plan::default());
        let alive = Alive::default();
        drop(must_be_send(session.start_server(Never(alive.clone()))));
        drop(must_be_send(session.start_server_and_accept(Never(alive.clone()))));
        drop(must_be_send(session.accept()));
        let (ours, _theirs) = pair(&alive);
        must_be_send(session.connect(Ready(ours))).await.unwrap();
        must_be_send(session.send("x".to_owned())).await.unwrap();
        must_be_send(session.disconnect()).await.unwrap();
    })
    .await;
}

/// Looks at the session when the link that holds it is dropped, as a link or its owner may.
struct Looks(Lined, Arc<Mutex<Vec<Runstate>>>);

impl Drop for Looks {
    fn drop(&mut self) {
        self.1.lock().unwrap().push(self.0.state());
        self.0.schedule_disconnect();
    }
}

#[tokio::test]
async fn e09_a_dropped_protocol_sees_the_session_not_idle_yet() {
    within(async {
        let (session, _hearing) = lined(&hello());
        let alive = Alive::default();
        let looked = Arc::new(Mutex::new(Vec::new()));
        let looking = || {
            let (mut ours, theirs) = pair(&alive);
            ours.carried = Some(Box::new(Looks(session.clone(), Arc::clone(&looked))));
            (ours, theirs)
        };

        // Closed before anybody accepted.
        let (ours, _theirs) = looking();
        session.open_with_socket(ours).unwrap();
        session.disconnect().await.unwrap();

        // Refused.
        session.open_with_socket(pair(&alive).0).unwrap();
        let (ours, _theirs) = looking();
        session.open_with_socket(ours).unwrap_err();
        session.disconnect().await.unwrap();

        // Given up while the session was being established.
        let (ours, _theirs) = looking();
        tokio::time::timeout(std::time::Duration::from_millis(1), session.connect(Ready(ours))).await.unwrap_err();

        // Running.
        let (ours, mut theirs) = looking();
        super::say(&mut theirs, "hello\n").await;
        session.connect(Ready(ours)).await.unwrap();
        session.disconnect().await.unwrap();

        assert_eq!((session.state(), alive.count()), (Idle, 0));
        assert_eq!(*looked.lock().unwrap(), [Disconnecting, Connecting, Connecting, Disconnecting]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn e06_many_connecting_and_disconnecting_at_once_leave_it_idle() {
    within(async {
        let session = null();
        let mut watcher = session.watch();
        let alive = Alive::default();
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..8 {
            let (session, alive) = (session.clone(), alive.clone());
            tasks.spawn(async move {
                for _ in 0..200 {
                    match number % 4 {
                        0 | 1 => {
                            let (ours, _theirs) = pair(&alive);
                            let _ = session.connect(Ready(ours)).await;
                        }
                        2 => drop(session.open_with_socket(pair(&alive).0)),
                        _ => drop(session.disconnect().await),
                    }
                    tokio::task::yield_now().await;
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        let _ = session.disconnect().await;
        assert_eq!((session.state(), alive.count()), (Idle, 0));
        // Whatever the order was, each transition is one of the diagram's.
        let mut before = Idle;
        for state in seen(&mut watcher) {
            let allowed = match before {
                Idle => [Connecting, Disconnecting].as_slice(),
                Connecting => &[Running, Disconnecting],
                Running => &[Disconnecting],
                Disconnecting => &[Idle],
            };
            assert!(allowed.contains(&state), "{before} -> {state}");
            before = state;
        }
        assert_eq!(before, Idle);
    })
    .await;
}
