//! `.status` and `.reconnect` in a batch.

use super::lines;
use crate::support::{Mock, Qemu};

#[test]
fn status_shows_the_connection() {
    let qemu = Qemu::none().start();
    let socket = qemu.socket();
    let status = lines(&socket, &[".status", "query-name"]).run();
    let shown = status.status(0).stdout_text();
    assert!(shown.starts_with(&format!("connected to {}\nQEMU ", socket.display())), "{shown}");
    assert!(shown.ends_with(")\n{}\n"), "{shown}");
}

#[test]
fn reconnect_opens_a_new_connection() {
    let mock = Mock::new()
        .negotiate()
        .expect_execute("first")
        .reply("1")
        .next_connection()
        .greeting()
        .expect_execute("qmp_capabilities")
        .reply("{}")
        .expect_execute("second")
        .reply("2")
        .unix();
    lines(mock.socket(), &["first", ".reconnect", "second"]).run().status(0).stdout("1\n2\n");
    mock.finish();
    let qemu = Qemu::none().start();
    lines(&qemu.socket(), &["quit", ".reconnect", "query-name"]).run().status(3).stdout("{}\n");
}
