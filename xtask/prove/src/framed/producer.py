"""Writes records as Confluent's own serializers frame them: python producer.py BROKERS REGISTRY TOPIC FROM TO AVRO."""

import sys

from confluent_kafka import Producer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

brokers, registry, topic, begin, end, avro_schema = sys.argv[1:]

file = descriptor_pb2.FileDescriptorProto(name="order.proto", package="shop", syntax="proto3")
outer = file.message_type.add(name="Outer")
inner = outer.nested_type.add(name="Order")
inner.field.add(name="order_number", number=1, type=3, label=1)
inner.field.add(name="tags", number=2, type=9, label=3)
pool = descriptor_pool.DescriptorPool()
pool.Add(file)
Order = message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Outer.Order"))

client = SchemaRegistryClient({"url": registry})
document = '{"$schema":"http://json-schema.org/draft-07/schema#","title":"Order","type":"object"}'
serializers = [
    ("avro", AvroSerializer(client, avro_schema), lambda n: {"number": n, "note": "first" if n % 2 else None}),
    ("json", JSONSerializer(document, client), lambda n: {"number": n}),
    (
        "protobuf",
        ProtobufSerializer(Order, client, {"use.deprecated.format": False}),
        lambda n: Order(order_number=n, tags=["x"]),
    ),
]
producer = Producer({"bootstrap.servers": brokers})
for n in range(int(begin), int(end)):
    for language, serializer, make in serializers:
        # A subject for each language, as if these were three topics.
        context = SerializationContext(language, MessageField.VALUE)
        producer.produce(topic, key=language, value=serializer(make(n), context), partition=0)
if producer.flush(30):
    sys.exit("not everything was written")
