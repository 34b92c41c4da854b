"""Turns the clock of a virtual machine, which has one of its own."""

from checks.scenarios.machine import Machine


def turn(machine: Machine, days: int) -> None:
    """Turn the clock by so many days."""
    machine.execute("systemctl stop systemd-timesyncd.service")  # where it runs
    machine.succeed(f"date --set='{days:+d} days'")
