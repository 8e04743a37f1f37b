//! E19: lines, for protocols made of them.

use bytes::BytesMut;
use qmpsh::protocol::{LineError, Lines, Session, SessionOptions};

use super::{Heard, LineProtocol, Plan, hello, running, say, shown, within};

/// Feeds `pieces` one after the other, then the end; gives the lines.
fn check(longest: usize, pieces: &[&str], expected: &[&str], error: Option<LineError>) {
    let mut lines = Lines::new(longest);
    let (mut buffer, mut got, mut failed) = (BytesMut::new(), Vec::new(), None);
    'all: for (number, piece) in pieces.iter().chain([&""]).enumerate() {
        buffer.extend_from_slice(piece.as_bytes());
        loop {
            match lines.next(&mut buffer, number == pieces.len()) {
                Ok(Some(line)) => got.push(String::from_utf8(line.to_vec()).unwrap()),
                Ok(None) => break,
                Err(error) => {
                    failed = Some(error);
                    break 'all;
                }
            }
        }
    }
    assert_eq!((got.iter().map(String::as_str).collect::<Vec<_>>(), failed), (expected.to_vec(), error), "{pieces:?}");
}

#[test]
fn e19_lines_are_cut_wherever_they_were_split() {
    check(10, &[], &[], None);
    check(10, &["a\nb\n"], &["a\n", "b\n"], None);
    check(10, &["a", "b", "\n", "\n", "c\nd"], &["ab\n", "\n", "c\n", "d"], None);
    check(10, &["no newline"], &["no newline"], None);
    check(10, &["a\r\nb\r\n"], &["a\r\n", "b\r\n"], None);
}

#[test]
fn e19_the_maximum_length_is_exact() {
    let error = LineError { longest: 4 };
    assert_eq!(error.to_string(), "a line from the peer is longer than 4 bytes");
    let too_long = Some(error);
    check(4, &["1234\n1234"], &["1234\n", "1234"], None);
    check(4, &["12", "34", "\n"], &["1234\n"], None);
    check(4, &["12345\n"], &[], too_long.clone());
    check(4, &["1\n", "1234", "5"], &["1\n"], too_long.clone());
    // Before its end has come, and without one.
    check(4, &["12345"], &[], too_long);
    check(0, &["\n\n"], &["\n", "\n"], None);
}

#[test]
fn e19_each_byte_is_scanned_once() {
    // What has been looked at is remembered: a newline put there afterwards is not seen, only one behind it.
    let mut lines = Lines::new(100);
    let mut buffer = BytesMut::from(&b"aaaa"[..]);
    assert_eq!(lines.next(&mut buffer, false), Ok(None));
    buffer[1] = b'\n';
    buffer.extend_from_slice(b"b\nc\n");
    assert_eq!(lines.next(&mut buffer, false).unwrap().unwrap(), &b"a\naab\n"[..]);
    assert_eq!(lines.next(&mut buffer, false).unwrap().unwrap(), &b"c\n"[..]);
}

#[tokio::test]
async fn e19_a_last_line_without_newline_is_delivered_then_the_end_of_file() {
    within(async {
        let (session, mut hearing, mut peer) = running(&Plan::default()).await;
        say(&mut peer, "first\nlast").await;
        drop(peer);
        assert_eq!((hearing.line().await, hearing.line().await), ("first".to_owned(), "last".to_owned()));
        assert_eq!(hearing.next().await, Heard::End("the peer closed the connection".to_owned()));
        session.disconnect().await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn e19_a_line_over_the_maximum_is_an_error() {
    within(async {
        let (tell, _hear) = tokio::sync::mpsc::unbounded_channel();
        for establishing in [false, true] {
            let plan = if establishing { hello() } else { Plan::default() };
            let tell = tell.clone();
            let session = Session::new(SessionOptions::default(), move || LineProtocol {
                lines: Lines::new(100),
                plan: plan.clone(),
                tell: tell.clone(),
            });
            let (ours, mut theirs) = tokio::io::duplex(1000);
            session.open_with_socket(ours).unwrap();
            say(&mut theirs, &"x".repeat(101)).await;
            let text = "a line from the peer is longer than 100 bytes";
            if establishing {
                let error = session.accept().await.unwrap_err();
                assert_eq!(error.to_string(), format!("Failed to establish session: {text}"));
            } else {
                let mut watcher = session.watch();
                session.accept().await.unwrap();
                super::until(&mut watcher, qmpsh::protocol::Runstate::Disconnecting).await;
                assert_eq!(shown(&session.disconnect().await), text);
            }
        }
    })
    .await;
}
