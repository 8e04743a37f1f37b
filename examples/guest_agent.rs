//! Runs a program in the guest: `cargo run --example guest_agent -- /run/qga.sock uname -r`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;

use qmpsh::address::Address;
use qmpsh::client::Client;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [address, program, args @ ..] = &args[..] else { return Err("which address, and which program?".into()) };
    let agent = Client::builder().guest_agent(true).connect(address.parse::<Address>()?).await?;

    let output = agent.guest_exec(program, args).await?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    println!("{:?}", output.status);
    agent.disconnect().await?;
    Ok(())
}
