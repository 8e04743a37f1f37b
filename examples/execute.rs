//! Runs commands, one after the other and at once: `cargo run --example execute -- /run/q.sock`.
#![allow(clippy::print_stdout)]

use std::error::Error;

use qmpsh::address::Address;
use qmpsh::client::Client;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address: Address = std::env::args().nth(1).ok_or("which address?")?.parse()?;
    let client = Client::connect(address).await?;

    println!("{}", client.call::<Value>("query-status", ()).await?["status"]);

    // Each has its own reply, whatever the order.
    let types = |kind: &str| json!({"implements": kind});
    let (cpus, buses) = tokio::try_join!(
        client.call::<Vec<Value>>("qom-list-types", types("cpu")),
        client.call::<Vec<Value>>("qom-list-types", types("bus")),
    )?;
    println!("more than one type of CPU: {}, of bus: {}", cpus.len() > 1, buses.len() > 1);
    client.disconnect().await?;
    Ok(())
}
