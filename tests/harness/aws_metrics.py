"""The metrics of AWS's own that alarms and the dashboard read.

Source: AWS docs, "Types of metrics for Lambda functions", "Available CloudWatch metrics for Amazon SQS", "Working with
metrics for HTTP APIs".
"""

OF_AWS = frozenset(
    {
        ("AWS/Lambda", "Errors", ("FunctionName",)),
        ("AWS/Lambda", "Throttles", ("FunctionName",)),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage", ("QueueName",)),
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible", ("QueueName",)),
        ("AWS/ApiGateway", "4xx", ("ApiId",)),
        ("AWS/ApiGateway", "5xx", ("ApiId",)),
        # Of a REST API's method that has detailed metrics.
        ("AWS/ApiGateway", "Count", ("ApiName", "Method", "Resource", "Stage")),
        # Of a route that has detailed metrics.
        ("AWS/ApiGateway", "Latency", ("ApiId", "Method", "Resource", "Stage")),
    }
)
"""Namespace, name, and the names of its dimensions."""
