//! Presses keys and buttons.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::Problem;
use super::layouts::Chord;
use super::peer::{human, request, send};
use qmpsh::client::Client;

/// How often to look whether the guest has read its keyboard, and how long.
const LOOK: Duration = Duration::from_millis(5);
const PATIENCE: u32 = 200;

/// The bit of the status of a PC's keyboard controller that says that the guest has a byte to read.
const UNREAD: u8 = 1;

/// Presses the keys of each chord, and releases them. Each press and each release takes `pace`.
///
/// QEMU drops keys when the queue of the keyboard is full, which holds 16 bytes. So the next chord waits until the guest has read
/// the last one, where a PC's keyboard controller tells.
pub(crate) async fn press(client: &Client, chords: &[Chord], pace: Duration) -> Result<(), Problem> {
    check_running(client, "no key was pressed").await?;
    let mut tells = true;
    for (count, chord) in chords.iter().enumerate() {
        let keys: Vec<_> = chord.iter().map(|key| json!({ "type": "qcode", "data": key })).collect();
        let hold = u64::try_from(pace.as_millis()).unwrap_or(u64::MAX);
        send(client, request("send-key", &json!({ "keys": keys, "hold-time": hold }))?).await?;
        sleep(pace * u32::try_from(keys.len() * 2).unwrap_or(u32::MAX)).await;
        tells = tells && is_read(client).await?;
        if count + 1 == chords.len() || count % 16 == 15 {
            let pressed = format!("{} of {} keys were pressed", count + 1, chords.len());
            check_running(client, &pressed).await?;
        }
    }
    Ok(())
}

/// Waits until the guest has read its PS/2 keyboard. Returns false if it does not, or has none.
async fn is_read(client: &Client) -> Result<bool, Problem> {
    for _ in 0..PATIENCE {
        // Reading the status changes nothing in the controller.
        let status = match human(client, "i /1b 0x64").await {
            Ok(answer) => answer.rsplit_once("0x").and_then(|(_, hex)| u8::from_str_radix(hex.trim(), 16).ok()),
            Err(Problem::Lost) => return Err(Problem::Lost),
            Err(_) => None,
        };
        match status {
            None | Some(0xff) => return Ok(false),
            Some(status) if status & UNREAD == 0 => return Ok(true),
            Some(_) => sleep(LOOK).await,
        }
    }
    Ok(false)
}

/// Fails if the guest does not run: QEMU drops its input then.
async fn check_running(client: &Client, what: &str) -> Result<(), Problem> {
    let status = send(client, request("query-status", &json!({}))?).await?;
    let state = status["status"].as_str().unwrap_or_default();
    if status["running"] == json!(true) || state == "suspended" {
        return Ok(());
    }
    Err(Problem::failed(format!("{what}: the VM does not run ({state})")))
}

/// Clicks at a place of the picture, which is `size` wide and high.
pub(crate) async fn click(
    client: &Client,
    (x, y): (usize, usize),
    size: (usize, usize),
    button: &str,
) -> Result<(), Problem> {
    check_running(client, "no button was pressed").await?;
    let mice = send(client, request("query-mice", &json!({}))?).await?;
    let is_absolute = |mouse: &Value| mouse["absolute"] == json!(true) && mouse["current"] == json!(true);
    if !mice.as_array().is_some_and(|mice| mice.iter().any(is_absolute)) {
        return Err(Problem::failed(
            "the guest has no pointer that takes places (`device_add driver=usb-tablet` adds one)",
        ));
    }
    let axis = |axis: &str, at: usize, of: usize| json!({ "type": "abs", "data": { "axis": axis, "value": (at * 0x7fff + of / 2) / of.max(1) } });
    let press = |down: bool| json!({ "type": "btn", "data": { "button": button, "down": down } });
    let events = [vec![axis("x", x, size.0), axis("y", y, size.1)], vec![press(true)], vec![press(false)]];
    for events in events {
        send(client, request("input-send-event", &json!({ "events": events }))?).await?;
        // A USB tablet is asked at intervals.
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
