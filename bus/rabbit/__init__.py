"""RabbitMQ: the only package that names aio-pika. Connection, publisher, consumer, private node."""
