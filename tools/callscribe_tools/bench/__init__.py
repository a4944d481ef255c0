"""What the built functions take: time, CPU, memory, package size, DynamoDB's units, AWS's money. `make bench` runs it.

It measures what `sam build` made, under Lambda's own runtime client, with moto for AWS and the simulator for Twilio,
all on loopback. It measures nothing in this process, and quotes ratios to a bare handler: times are those of the
machine.
"""
