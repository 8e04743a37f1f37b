//! Waits for a QEMU to connect: `cargo run --example listen -- /run/q.sock`, then `qemu-system-x86_64 -qmp unix:/run/q.sock`.
#![allow(clippy::print_stdout)]

use std::error::Error;

use qmpsh::address::Address;
use qmpsh::client::Client;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address: Address = std::env::args().nth(1).ok_or("which address?")?.parse()?;
    let client = Client::builder().build();
    println!("listening on {}", client.session().start_server(address).await?);
    client.session().accept().await?;

    if let Some(greeting) = client.greeting() {
        println!("QEMU {}", greeting.version);
    }
    println!("{}", client.call::<Value>("query-status", ()).await?);
    client.call::<()>("quit", ()).await?;
    client.disconnect().await?;
    Ok(())
}
