"""The log in Kafka, through confluent-kafka: partitions, consumer groups, many machines."""
